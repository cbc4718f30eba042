import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A real `flux` (or other Node) process of a test. */
export interface FluxProcess {
  readonly pid: number;
  /** What it was started as, for messages. */
  readonly title: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has ended and its output is complete. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  readonly isRunning: boolean;
  /**
   * Waits for `pattern` in standard output or standard error, what was written before included.
   * Rejects with the output after `timeoutMs` (10 s), or when the process ends without it.
   */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends `signal` (SIGTERM) and waits; rejects when the process still runs after `timeoutMs` (10 s). */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<ExitStatus>;
  /** SIGKILL, to this process alone, and waits. */
  kill(): Promise<ExitStatus>;
}

// A grandchild that holds on to the output must not hold up whoever waits for the process.
const OUTPUT_GRACE_MS = 500;

/** Starts `node ...args` with exactly the environment `env`. */
export function spawnNode(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): FluxProcess {
  const child = spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const title = args.join(' ');
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (written[name] += text));
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('exit', (code, signal) => {
      const complete = Promise.race([closed, sleep(OUTPUT_GRACE_MS, undefined, { ref: false })]);
      void complete.then(() => resolve({ code, signal }));
    });
  });
  const isRunning = (): boolean =>
    child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  const describe = (what: string): Error =>
    new Error(`${title} (process ${child.pid}) ${what}\n${written.stdout}\n${written.stderr}`);

  return {
    pid: child.pid ?? -1,
    title,
    exited,
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    get isRunning() {
      return isRunning();
    },
    async waitFor(pattern, timeoutMs = 10_000) {
      const ended = exited.then(() => 'ended' as const);
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const match = pattern.exec(written.stdout) ?? pattern.exec(written.stderr);
        if (match) return match;
        if (Date.now() >= deadline) throw describe(`did not write ${pattern} within ${timeoutMs} ms`);
        if ((await Promise.race([ended, sleep(10)])) !== 'ended') continue;
        const last = pattern.exec(written.stdout) ?? pattern.exec(written.stderr);
        if (last) return last;
        throw describe(`ended without writing ${pattern}`);
      }
    },
    async stop(signal = 'SIGTERM', timeoutMs = 10_000) {
      if (isRunning()) child.kill(signal);
      const status = await Promise.race([exited, sleep(timeoutMs, undefined, { ref: false })]);
      if (status) return status;
      throw describe(`still runs ${timeoutMs} ms after ${signal}`);
    },
    async kill() {
      if (isRunning()) child.kill('SIGKILL');
      return exited;
    },
  };
}
