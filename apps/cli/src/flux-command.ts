import { userInfo } from 'node:os';
import { Command, Flags, type Interfaces } from '@oclif/core';
import type { FluxClient } from '@flux/client';
import { UsageError } from './errors.js';
import { invocation } from './invocation.js';
import { styleFor } from './output/style.js';
import { tableOf, type Column } from './output/table.js';

const DEFAULT_SERVER_URL = 'http://127.0.0.1:8000';

type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof FluxCommand)['baseFlags'] & T['flags']
>;
type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>;

/** The base of every command: `--json`, and mistakes on the command line told with the usage. */
export abstract class FluxCommand<T extends typeof Command> extends Command {
  static override baseFlags = {
    json: Flags.boolean({
      description: 'Write JSON: results to stdout, errors to stderr.',
      helpGroup: 'GLOBAL',
    }),
  };

  protected flags!: FlagsOf<T>;
  protected args!: ArgsOf<T>;

  override async init(): Promise<void> {
    await super.init();
    const { flags, args } = await this.parse({
      flags: this.ctor.flags,
      baseFlags: this.ctor.baseFlags ?? {},
      args: this.ctor.args,
      strict: this.ctor.strict,
    });
    this.flags = flags as FlagsOf<T>;
    this.args = args as ArgsOf<T>;
  }

  override async catch(error: Error): Promise<void> {
    throw 'oclif' in error && !this.parsed ? this.usageError(error.message) : error;
  }

  protected usageError(message: string): UsageError {
    const id = this.ctor.id.replaceAll(':', ' ');
    const args = Object.values(this.ctor.args).map((arg) => (arg.required ? arg.name : `[${arg.name}]`));
    const usage = ['flux', id, ...args].join(' ');
    return new UsageError(tidy(message), `Usage: ${usage} [FLAGS]; 'flux ${id} --help' explains them.`);
  }

  protected write(...lines: readonly string[]): void {
    for (const line of lines) process.stdout.write(`${line}\n`);
  }

  protected writeJson(resource: unknown): void {
    this.write(JSON.stringify(resource, null, 2));
  }
}

/** A page of a list, as a command shows it. */
interface Listed<R> {
  readonly page: { readonly items: readonly R[]; readonly nextCursor?: string | null };
  readonly columns: readonly Column<R>[];
  /** The words for an empty page. */
  readonly none: string;
  /** What follows the cursor of the next page. */
  readonly ending?: string;
}

/** A command that talks to a server. */
export abstract class ServerCommand<T extends typeof Command> extends FluxCommand<T> {
  static override baseFlags = {
    ...FluxCommand.baseFlags,
    'server-url': Flags.string({
      description: 'Where the Flux server is.',
      env: 'FLUX_SERVER_URL',
      default: DEFAULT_SERVER_URL,
      helpValue: 'URL',
      helpGroup: 'GLOBAL',
      // The value is the machine's, not the command's: the help does not show it.
      noCacheDefault: true,
    }),
  };

  /** Writes a page as a table, and where the next one begins; with `--json` the page as it is. */
  protected async writePage<R>({ page, columns, none, ending = '.' }: Listed<R>): Promise<void> {
    const { json } = this.flags as { json: boolean };
    if (json) return this.writeJson(page);
    if (page.items.length === 0) return this.write(none);
    const style = styleFor(process.stdout);
    this.write(...(await tableOf(columns, page.items, style, process.stdout.columns)));
    if (page.nextCursor) this.write(style('dim', `There are more: --cursor ${page.nextCursor}${ending}`));
    return undefined;
  }

  /** A command to type next, as it works here: called as this one was, for the same server. */
  protected typed(command: string): string {
    const { 'server-url': url } = this.flags as { 'server-url': string };
    const known = url === (process.env.FLUX_SERVER_URL ?? DEFAULT_SERVER_URL);
    return `${invocation()} ${command}${known ? '' : ` --server-url ${url}`}`;
  }

  /** The client is loaded when it is needed: help and mistakes are told without it. */
  protected async client(): Promise<FluxClient> {
    const { createFluxClient } = await import('@flux/client');
    const flags = this.flags as { 'server-url': string };
    return createFluxClient({ serverUrl: flags['server-url'], actor: actorName() });
  }
}

/** `cli:<user>` in the header's alphabet. */
function actorName(): string {
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    // A container's user may have no entry in the password file.
    name = 'unknown';
  }
  return `cli:${name.replace(/[^\x21-\x7e]/g, '?').slice(0, 100) || 'unknown'}`;
}

/** oclif's messages have several lines, and tabs; ours have one. */
function tidy(message: string): string {
  const [, missing] = /^Missing \d+ required args?:\n([^]*?)(?:\n\n|\nSee more|$)/.exec(message) ?? [];
  if (missing) return `missing ${[...missing.matchAll(/^\S+/gm)].join(' and ')}`;
  return message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\s+/, '')
    .replace(/^Parsing (--[\w-]+) \n\t/, '$1: ')
    .replace(/\s*\n\s*/g, '; ');
}
