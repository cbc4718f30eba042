import { Worker } from 'node:worker_threads';
import type { WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { Outbox } from '../runner/outbox.js';
import type { FromRunner, RunnerData, ToRunner } from '../runner/protocol.js';
import type { HeldExecution } from './held-execution.js';

/** The compiled entry: Node cannot start a thread from what a test's loader compiles in memory. */
const ENTRY = new URL('../../dist/runner/runner-thread.js', import.meta.url);
const LOAD_LIMIT_MS = 60_000;

export type ExecutionMessage = Extract<FromRunner, { kind: 'event' | 'log' | 'progress' }>;

/** What a runner tells. */
export interface RunnerListener {
  onMessage(runner: Runner, message: ExecutionMessage): void;
  /** The thread is dead: nothing of it runs any more. Called once. */
  onDeath(runner: Runner, error: Error | undefined): void;
}

/** One runner thread, from start to death. */
export class Runner {
  /** What it runs, by handle. */
  readonly held = new Map<number, HeldExecution>();
  /**
   * The workflows it has loaded.
   * @throws FluxError `INVALID_WORKFLOWS` that names every faulty file · Error when it died before
   */
  readonly loaded: Promise<readonly WorkflowDefinition[]>;
  readonly #thread: Worker;
  readonly #outbox: Outbox<ToRunner>;
  readonly #dead: Promise<void>;
  #error: Error | undefined;
  #loading = '';
  #dying = false;
  #killed = false;

  constructor(
    data: RunnerData,
    private readonly listener: RunnerListener,
  ) {
    this.#thread = new Worker(ENTRY, { workerData: data, name: 'flux-runner' });
    this.#outbox = new Outbox((messages) => this.#thread.postMessage(messages));
    this.#thread.on('error', (error: Error) => (this.#error = error));
    this.#dead = new Promise((resolve) => {
      this.#thread.once('exit', () => {
        this.#dying = true;
        resolve();
        this.listener.onDeath(this, this.#error);
      });
    });
    this.loaded = this.#load();
    this.loaded.catch(() => undefined);
  }

  /** It is being killed, or is dead: give it nothing more. */
  get doomed(): boolean {
    return this.#dying;
  }

  /** It died, or will die, by {@link Runner.kill}. */
  get killed(): boolean {
    return this.#killed;
  }

  send(message: ToRunner): void {
    if (!this.#dying) this.#outbox.push(message);
  }

  /** Ends the thread, busy loops included. Resolves when it is dead and its listener knows. Idempotent. */
  async kill(): Promise<void> {
    this.#killed ||= !this.#dying;
    this.#dying = true;
    void this.#thread.terminate();
    await this.#dead;
  }

  async #load(): Promise<readonly WorkflowDefinition[]> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        const stuck = (how: string): void => reject(invalid([`${this.#loading || 'the runner'}: ${how}`]));
        timer = setTimeout(() => stuck(`not loaded after ${LOAD_LIMIT_MS / 1000} s`), LOAD_LIMIT_MS);
        void this.#dead.then(() => stuck(this.#error?.message ?? 'ended the runner while it was loaded'));
        this.#thread.on('message', (messages: readonly FromRunner[]) => {
          for (const message of messages) {
            if (message.kind === 'loading') this.#loading = message.file;
            else if (message.kind === 'loaded') resolve(message.workflows);
            else if (message.kind === 'load_failed') reject(invalid(message.faults));
            else this.listener.onMessage(this, message);
          }
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

function invalid(faults: readonly string[]): FluxError {
  return new FluxError('INVALID_WORKFLOWS', `the workflows cannot be loaded:\n  ${faults.join('\n  ')}`, {
    hint: 'Correct the files named and start the worker again.',
    details: { faults },
  });
}
