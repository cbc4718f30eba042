import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A Node process of a benchmark, started in the repository's root. */
export interface Child {
  readonly pid: number;
  /** What it was started as, and what it has written so far. */
  describe(): string;
  readonly isRunning: boolean;
  /** Waits for `pattern` in its standard output; rejects when it ends or `timeoutMs` pass without it. */
  waitFor(pattern: RegExp, timeoutMs: number): Promise<string>;
  /** SIGTERM, SIGKILL after 15 s. Resolves when it has ended. Idempotent. */
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const STOP_LIMIT_MS = 15_000;
const KEPT_OUTPUT = 4_000;

/** Starts `node ...args` with this process's environment, but of Flux's settings only those of `settings`. */
export function spawnNode(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Child {
  const foreign = Object.entries(process.env).filter(([name]) => !name.startsWith('FLUX_'));
  const env = { ...Object.fromEntries(foreign), ...settings };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').catch(() => undefined);
  const isRunning = (): boolean =>
    child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-KEPT_OUTPUT)));
  }
  const describe = (): string => `node ${args.join(' ')}:\n${output.trimEnd()}`;

  return {
    pid: child.pid ?? -1,
    describe,
    get isRunning() {
      return isRunning();
    },
    waitFor: (pattern, timeoutMs) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output);
          if (match) resolve(match[0]);
        };
        const fail = (): void => reject(new Error(`did not write ${String(pattern)}: ${describe()}`));
        const timer = setTimeout(fail, timeoutMs);
        timer.unref();
        child.stdout.on('data', look);
        child.once('close', fail);
        look();
      }),
    async stop() {
      if (isRunning()) child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      if (isRunning()) await exited;
      clearTimeout(kill);
    },
  };
}
