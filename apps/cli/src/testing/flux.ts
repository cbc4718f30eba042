import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BINARY = fileURLToPath(new URL('../../bin/flux.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What it reads from standard input; nothing by default. */
  readonly stdin?: string;
  /** Called once with the process. */
  readonly whileRunning?: (child: ChildProcess) => void | Promise<void>;
}

/** Runs the built `flux` to its end, as a script does. */
export async function flux(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { NODE_OPTIONS: _, FORCE_COLOR: __, ...environment } = process.env;
  const child = spawn(process.execPath, [BINARY, ...args], { env: { ...environment, ...options.env } });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (written.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (written.stderr += chunk));
  child.stdin.end(options.stdin ?? '');
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  await options.whileRunning?.(child);
  return { code: await closed, ...written };
}
