import type { WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { Outbox } from '../runner/outbox.js';
import { fromRunner, type FromRunner, type RunnerData, type ToRunner } from '../runner/protocol.js';
import type { Carrier, OpenCarrier } from './carrier.js';
import type { HeldExecution } from './held-execution.js';

const LOAD_LIMIT_MS = 60_000;
/** Without an answer for that long, it is better to give what comes to another runner. */
const BUSY_MS = 200;

/** `shared`: many executions in a thread; `thread`, `process`: one execution each. */
export type RunnerKind = WorkflowDefinition['runner'];

export type ExecutionMessage = Extract<FromRunner, { kind: 'event' | 'log' | 'progress' }>;

/** What a runner tells. */
export interface RunnerListener {
  onMessage(runner: Runner, message: ExecutionMessage): void;
  /** It knows from its own clock that time is up for what this worker owns; it tells nothing more. */
  onOverdue(runner: Runner): void;
  /** Nothing of it runs any more. Called once. */
  onDeath(runner: Runner, error: Error | undefined): void;
}

/** One runner, from start to death, whatever carries it. */
export class Runner {
  /** What it runs, by handle. */
  readonly held = new Map<number, HeldExecution>();
  /**
   * The workflows it has loaded.
   * @throws FluxError `INVALID_WORKFLOWS` that names every faulty file · Error when it died before
   */
  readonly loaded: Promise<readonly WorkflowDefinition[]>;
  readonly #carrier: Carrier;
  readonly #outbox: Outbox<ToRunner>;
  readonly #dead: Promise<void>;
  #onDead: () => void = () => undefined;
  #onLoaded: (message: LoadMessage) => void = () => undefined;
  #error: Error | undefined;
  #loading = '';
  #dying = false;
  #killed = false;
  #isLoaded = false;
  /** When the ping was sent that is not answered yet. */
  #askedAt: number | undefined;
  readonly #entered = new Int32Array(new SharedArrayBuffer(4));

  constructor(
    readonly kind: RunnerKind,
    open: OpenCarrier,
    data: RunnerData,
    private readonly listener: RunnerListener,
  ) {
    this.#dead = new Promise((resolve) => (this.#onDead = resolve));
    this.loaded = this.#load();
    this.loaded.catch(() => undefined);
    this.#outbox = new Outbox((messages) => this.#carrier.post(messages));
    this.#carrier = open(
      { ...data, entered: this.#entered.buffer },
      {
        onMessage: (message) => fromRunner(message).forEach((each) => this.#hear(each)),
        onDeath: (error) => this.#die(error),
      },
    );
  }

  /** It can begin what it is given. */
  get isLoaded(): boolean {
    return this.#isLoaded;
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

  /** How long its code has not given the event loop back, milliseconds; 0 as long as it answers. */
  get blockedMs(): number {
    return this.#askedAt === undefined || this.#dying ? 0 : performance.now() - this.#askedAt;
  }

  /** What it is given has to wait: it still loads, or its code keeps the event loop. */
  get isBusy(): boolean {
    return !this.#isLoaded || this.blockedMs > BUSY_MS;
  }

  /** The execution whose code was entered last. */
  get entered(): HeldExecution | undefined {
    const [only] = this.kind === 'shared' ? [] : this.held.values();
    return only ?? this.held.get(Atomics.load(this.#entered, 0));
  }

  /** Asks whether it is busy, unless it has not answered the last time. */
  probe(): void {
    if (!this.#isLoaded || this.held.size === 0 || this.#askedAt !== undefined) return;
    this.#askedAt = performance.now();
    this.send({ kind: 'ping' });
  }

  /** Ends it, busy loops included. Resolves when it is dead and its listener knows. Idempotent. */
  async kill(urgent = false): Promise<void> {
    this.#killed ||= !this.#dying;
    this.#dying = true;
    this.#carrier.kill(urgent);
    await this.#dead;
  }

  #hear(message: FromRunner): void {
    if (message.kind === 'loading') this.#loading = message.file;
    else if (message.kind === 'loaded' || message.kind === 'load_failed') this.#onLoaded(message);
    else if (message.kind === 'pong') this.#askedAt = undefined;
    else if (message.kind === 'overdue') this.listener.onOverdue(this);
    else this.listener.onMessage(this, message);
  }

  #die(error: Error | undefined): void {
    this.#dying = true;
    this.#error = error;
    this.#onDead();
    this.listener.onDeath(this, error);
  }

  async #load(): Promise<readonly WorkflowDefinition[]> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        const stuck = (how: string): void => reject(invalid([`${this.#loading || 'the runner'}: ${how}`]));
        timer = setTimeout(() => stuck(`not loaded after ${LOAD_LIMIT_MS / 1000} s`), LOAD_LIMIT_MS);
        void this.#dead.then(() => stuck(this.#error?.message ?? 'ended the runner while it was loaded'));
        this.#onLoaded = (message) => {
          this.#isLoaded = message.kind === 'loaded';
          if (message.kind === 'loaded') resolve(message.workflows);
          else reject(invalid(message.faults));
        };
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

type LoadMessage = Extract<FromRunner, { kind: 'loaded' | 'load_failed' }>;

function invalid(faults: readonly string[]): FluxError {
  return new FluxError('INVALID_WORKFLOWS', `the workflows cannot be loaded:\n  ${faults.join('\n  ')}`, {
    hint: 'Correct the files named and start the worker again.',
    details: { faults },
  });
}
