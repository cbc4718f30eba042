import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';

export const BINARY = fileURLToPath(new URL('../../bin/flux.js', import.meta.url));
const HOST = fileURLToPath(new URL('command-host.mjs', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** The standard input; nothing by default. */
  readonly stdin?: string;
}

/** Runs the built `flux` in a process of its own to its end, as a script does. */
export async function fluxProcess(
  args: readonly string[],
  options: RunOptions = {},
  /** A function that is called once with the process. */
  whileRunning?: (child: ChildProcess) => void | Promise<void>,
): Promise<Ran> {
  const child = spawn(process.execPath, [BINARY, ...args], { env: environmentOf(options) });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (written.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (written.stderr += chunk));
  child.stdin.end(options.stdin ?? '');
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  await whileRunning?.(child);
  return { code: await closed, ...written };
}

let host: ReturnType<typeof startHost> | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Runs the built `flux` to its end after the commands before it, in one process for all of a test file's. */
export function flux(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const ran = last.then(async () => {
    const { process, ended } = (host ??= startHost());
    const answer = once(process, 'message') as Promise<[Ran]>;
    process.send({ args, env: environmentOf(options), stdin: options.stdin ?? '' });
    return (await Promise.race([answer, ended]))[0];
  });
  last = ran.catch(() => undefined);
  return ran;
}

/** The same with the address of `server`. */
export const fluxAt =
  (server: { readonly url: string }) =>
  (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    flux(args, { ...options, env: { FLUX_SERVER_URL: server.url, ...options.env } });

/** The process that runs the commands; `ended` never resolves, and rejects when the process has ended. */
function startHost() {
  const process = fork(HOST, {
    env: environmentOf(),
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended: Promise<never> = once(process, 'exit').then(([code]) => {
    throw new Error(`the process of the commands ended with ${code}`);
  });
  ended.catch(() => undefined);
  return { process, ended };
}

afterAll(async () => {
  if (!host) return;
  const exited = once(host.process, 'exit');
  host.process.disconnect();
  await exited;
});

/** Our environment without what jest has set for itself, and without how the tests were called. */
function environmentOf(options: RunOptions = {}): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, FORCE_COLOR: __, npm_lifecycle_event: ___, ...environment } = process.env;
  return { ...environment, ...options.env };
}
