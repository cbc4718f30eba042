import { execFile } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Command } from '@oclif/core';
import { describe, expect, it } from '@jest/globals';
import { executionState } from '@flux/contracts';

const SNAPSHOT = fileURLToPath(new URL('../command-snapshot.json', import.meta.url));
const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The command runs in a process of its own: inside jest, oclif would load the sources. */
const LIST_COMMANDS = `
  import { Config, settings } from '@oclif/core';
  settings.enableAutoTranspile = false;
  const { commands } = await Config.load(process.cwd());
  process.stdout.write(JSON.stringify(commands));`;

interface Described {
  readonly command: string;
  readonly args: readonly string[];
  readonly flags: readonly string[];
}

/** Every built command with its arguments (`[OPTIONAL]`) and flags (`--name=VALUE`, `…` where it may repeat). */
async function surface(): Promise<Described[]> {
  const args = ['--input-type=module', '--eval', LIST_COMMANDS];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return (JSON.parse(stdout) as Command.Cached[]).map((command) => ({
    command: command.id.replaceAll(':', ' '),
    args: Object.values(command.args).map((arg) => (arg.required ? arg.name : `[${arg.name}]`)),
    flags: Object.values(command.flags)
      .map((flag) => {
        if (flag.type === 'boolean') return `--${flag.allowNo ? '[no-]' : ''}${flag.name}`;
        const value = flag.options?.join('|') ?? 'VALUE';
        return `--${flag.name}=${value}${flag.multiple ? '…' : ''}${flag.required ? ' (required)' : ''}`;
      })
      .sort(),
  }));
}

describe('the command line', () => {
  it('is what command-snapshot.json has; UPDATE_SURFACE=1 writes it anew', async () => {
    const present = await surface();
    if (process.env.UPDATE_SURFACE) await writeFile(SNAPSHOT, `${JSON.stringify(present, null, 2)}\n`);
    expect(present).toEqual(JSON.parse(await readFile(SNAPSHOT, 'utf8')));
  });

  it('has one command a file', async () => {
    const entries = await readdir(new URL('commands/', import.meta.url), { recursive: true });
    const files = entries.filter((entry) => entry.endsWith('.ts'));
    expect((await surface()).map(({ command }) => `${command.replaceAll(' ', '/')}.ts`)).toEqual(
      files.sort(),
    );
  });

  it('knows every state', async () => {
    const list = (await surface()).find(({ command }) => command === 'execution list');
    expect(list?.flags).toContain(`--state=${executionState.options.join('|')}…`);
  });
});
