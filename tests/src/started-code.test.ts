import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { until } from '@flux/testing';
import { useDeployment } from './support/use-deployment.js';

const KINDS = ['shared', 'process'] as const;
const folder = mkdtempSync(join(tmpdir(), 'flux-started-code-'));

/** A workflow of each kind that tells which text it was made of, and one that keeps its runner busy. */
const codeOf = (text: string): string => `
  import { workflow } from '@flux/sdk';
  import { part } from './parts/part.js';
  const made = (runner: 'shared' | 'process') => workflow('tell_' + runner, async () => '${text}' + part, { runner });
  export const tell = [made('shared'), made('process')];
  export const busy = workflow('keeps_busy', async () => { for (;;); });`;

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), text);
}

mkdirSync(join(folder, 'parts'));
write('flows.ts', codeOf('started'));
write('parts/part.ts', "export const part: string = ' with';");
const flux = useDeployment(['coder'], {}, { workflows: folder });
const { reach } = flux.rest;

async function answers(): Promise<unknown[]> {
  const started = await Promise.all(KINDS.map((kind) => flux.rest.start(`tell_${kind}`)));
  return Promise.all(started.map(async (one) => (await reach(one, 'COMPLETED')).output));
}

async function changedFiles(): Promise<string[] | undefined> {
  return (await flux.rest.workers()).find(({ name }) => name === 'coder')?.changedFiles;
}

function breakAll(): void {
  write('parts/part.ts', 'export const part = {');
  rmSync(join(folder, 'flows.ts'));
  write('new.ts', codeOf('new'));
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a worker whose workflow files change on the disk', () => {
  it('says nothing while they are the same', async () => {
    write('flows.ts', codeOf('started'));
    expect(await changedFiles()).toEqual([]);
    expect((await flux.cli('worker', 'list')).stdout).not.toMatch(/CHANGED ON DISK/);
  });

  it.each([
    ['are written anew', ['flows.ts'], () => write('flows.ts', codeOf('changed'))],
    ['are broken, or go, and others come', ['flows.ts', 'new.ts', 'parts/part.ts'], breakAll],
  ])(
    'runs the code that it started with, in every runner, and says so, when they %s (elsewhere: a file changed on the disk changes what runs)',
    async (_how, files, change) => {
      change();
      const busy = await flux.rest.started('keeps_busy');
      await flux.rest.cancelled(busy, { gracePeriod: '1ms' });
      // Now the shared runner is another one; runners of the other kinds are new for each execution.
      expect(await answers()).toEqual(KINDS.map(() => 'started with'));
      await until('the list', async () => (await changedFiles())?.join() === files.join());
    },
    60_000,
  );

  it('tells of it in its log once, and in the list of workers', async () => {
    expect(flux.worker.stdout.match(/the workflow files are others now/g)).toHaveLength(1);
    expect(flux.worker.stdout).not.toMatch(/cannot load/);
    const { code, stdout } = await flux.cli('worker', 'list');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/CHANGED ON DISK[^]*coder@.*flows\.ts and 2 more/),
    ]);
  });
});
