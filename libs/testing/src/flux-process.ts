import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './places.js';

interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

// A grandchild that holds on to the output must not hold up whoever waits for the process.
const OUTPUT_GRACE_MS = 500;
/** Generous: a shared machine may be slow, and who waits for an event goes on as soon as it comes. */
const PATIENCE_MS = 30_000;

/** A real `flux` (or other Node) process of a test. */
export class FluxProcess {
  readonly pid: number;
  /** The command that the process was started as, for messages. */
  readonly title: string;
  /** Resolves when the process has ended and its output is complete. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  readonly #child: ChildProcess;
  readonly #output = new EventEmitter();
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    const child = spawn(process.execPath, args, { env, cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.pid = child.pid ?? -1;
    this.title = args.join(' ');
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        this[name] += text;
        this.#output.emit('more');
      });
    }
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    this.exited = new Promise<ExitStatus>((resolve) => {
      child.once('error', () => resolve({ code: null, signal: null }));
      child.once('exit', (code, signal) => {
        // What came in while this process had no time is read in the turn after that of its timers.
        const late = sleep(OUTPUT_GRACE_MS, undefined, { ref: false }).then(() => turn());
        void Promise.race([closed, late]).then(() => resolve({ code, signal }));
      });
    });
  }

  get isRunning(): boolean {
    const { exitCode, signalCode, pid } = this.#child;
    return exitCode === null && signalCode === null && pid !== undefined;
  }

  /**
   * Waits for `pattern` in standard output or standard error, what was written before included.
   * Rejects with the output after `timeoutMs` (30 s), or when the process ends without it.
   */
  async waitFor(pattern: RegExp, timeoutMs = PATIENCE_MS): Promise<RegExpExecArray> {
    const ended = this.exited.then(() => 'ended without writing');
    const late = sleep(timeoutMs, `did not within ${timeoutMs} ms write`, { ref: false });
    for (let over: string | undefined; ;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match) return match;
      if (over !== undefined) throw this.#fault(`${over} ${pattern}`);
      const more = new Promise<undefined>((resolve) => this.#output.once('more', () => resolve(undefined)));
      over = await Promise.race([more, ended, late]);
    }
  }

  /** Sends `signal` (SIGTERM) and waits; rejects when the process still runs after `timeoutMs` (30 s). */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = PATIENCE_MS): Promise<ExitStatus> {
    if (this.isRunning) this.#child.kill(signal);
    const status = await Promise.race([this.exited, sleep(timeoutMs, undefined, { ref: false })]);
    if (status) return status;
    throw this.#fault(`still runs ${timeoutMs} ms after ${signal}`);
  }

  /** SIGKILL, to this process alone, and waits. */
  kill(): Promise<ExitStatus> {
    if (this.isRunning) this.#child.kill('SIGKILL');
    return this.exited;
  }

  #fault(what: string): Error {
    return new Error(`${this.title} (process ${this.pid}) ${what}\n${this.stdout}\n${this.stderr}`);
  }
}

/** Starts `node ...args` in the repository's root; of Flux's settings it gets those of `settings` alone. */
export function spawnNode(args: readonly string[], settings: NodeJS.ProcessEnv = {}): FluxProcess {
  return new FluxProcess(args, { ...inheritedEnvironment(), ...settings });
}

/** Ours without what would make a product process behave as a test, or as another sandbox's. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const foreign = (name: string): boolean =>
    (name.startsWith('FLUX_') && name !== 'FLUX_TEST_RUN') ||
    /^(JEST_WORKER_ID|NODE_ENV|NODE_OPTIONS)$/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign(name)));
}
