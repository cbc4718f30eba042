import { randomBytes } from 'node:crypto';
import type { WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { MessageBatch } from '../wire/message-batch.js';
import {
  fromRunner,
  type FromRunner,
  type Loaded,
  type RunnerData,
  type ToRunner,
} from '../wire/protocol.js';
import type { OwnershipClock } from '../wire/ownership-clock.js';
import type { Carrier, OpenCarrier } from './carriers/carrier.js';

const LOAD_LIMIT_MS = 60_000;
/** The time without an answer after which new executions are better given to another runner. */
const BUSY_MS = 200;

/** How long messages are heard in one turn of the event loop: signs of life must not wait for many large results. */
const HEAR_MS = 10;

/** `shared`: many executions in a process; `process`: one. */
export type RunnerKind = WorkflowDefinition['runner'];

export type ExecutionMessage = Extract<
  FromRunner,
  { kind: 'began' | 'detached' | 'event' | 'log' | 'program' | 'progress' | 'signalled' | 'waiting' }
>;

/** An execution that a runner runs. */
export interface Tenant {
  readonly executionId: string;
  readonly workflowName: string;
  /** The number of the execution in messages to and from the runner. */
  readonly handle: number;
}

type StraysMessage = Extract<FromRunner, { kind: 'strays' }>;

/** The listener that a runner tells what happens to it. */
export interface RunnerListener {
  onMessage(runner: Runner, message: ExecutionMessage): void;
  /** The runner's own clock says that this worker's ownership has run out; the runner tells nothing more. */
  onOverdue(runner: Runner): void;
  /** An execution has ended, and left something open. */
  onStrays(runner: Runner, message: StraysMessage): void;
  /** The input of the execution with this handle takes longer to be checked than it may. */
  onSlowCheck(runner: Runner, handle: number): void;
  /** The runner and what it has started are about to be ended. @returns what that waits for, unless it is urgent */
  onEnding?(runner: Runner): Promise<unknown> | undefined;
  /** No code of the runner runs any more. Called once. */
  onDeath(runner: Runner, error: Error | undefined): void;
}

export interface RunnerParts {
  readonly kind: RunnerKind;
  readonly open: OpenCarrier;
  readonly data: RunnerData;
  /** Until when the worker owns what runs in it; it never ends unless given. */
  readonly clock?: OwnershipClock | undefined;
  readonly listener: RunnerListener;
}

/** A runner, from start to death, whatever carries it. */
export class Runner {
  /** Its name in the marks of programs that it starts for no execution. */
  readonly id = randomBytes(4).toString('hex');
  /** It has started such programs. */
  hasPrograms = false;
  /** The executions that the runner runs, by handle. */
  readonly tenants = new Map<number, Tenant>();
  /**
   * What it has loaded.
   * @throws FluxError `INVALID_WORKFLOWS` that names every faulty file · Error when it died before
   */
  readonly loaded: Promise<Loaded>;
  readonly #listener: RunnerListener;
  #kind: RunnerKind;
  readonly #carrier: Carrier;
  readonly #outbox: MessageBatch<ToRunner>;
  readonly #dead: Promise<void>;
  /** The messages that have come and are not heard yet. */
  #unheard: FromRunner[] = [];
  /** How many of them are heard, or being heard. */
  #heard = 0;
  #onDead: () => void = () => undefined;
  #onLoaded: (message: LoadMessage) => void = () => undefined;
  #error: Error | undefined;
  #loading = '';
  #dying = false;
  #isEnding = false;
  #killed = false;
  #isLoaded = false;
  /** When the ping was sent that is not answered yet. */
  #askedAt: number | undefined;
  #entered = 0;
  #isDeaf = false;

  constructor({ kind, open, data, clock, listener }: RunnerParts) {
    this.#kind = kind;
    this.#listener = listener;
    this.#dead = new Promise((resolve) => (this.#onDead = resolve));
    this.loaded = this.#load();
    this.loaded.catch(() => undefined);
    this.#outbox = new MessageBatch((messages) => this.#carrier.post(messages));
    this.#carrier = open({
      data: { ...data, runnerId: this.id },
      clock,
      listener: {
        onMessage: (message) => this.#receive(fromRunner(message)),
        onEntered: (handle) => (this.#entered = handle),
        onSlowCheck: (handle) => listener.onSlowCheck(this, handle),
        onExit: () => this.#beforeEnd(),
        onDeath: (error) => this.#die(error),
      },
    });
  }

  get kind(): RunnerKind {
    return this.#kind;
  }

  /** A spare is put to use. */
  become(kind: RunnerKind): void {
    this.#kind = kind;
  }

  /** Whether the runner can begin an execution at once. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Whether the runner is being killed, or is dead: it must be given nothing more. */
  get doomed(): boolean {
    return this.#dying;
  }

  /** Whether the runner died, or will die, by {@link Runner.kill}. */
  get killed(): boolean {
    return this.#killed;
  }

  post(message: ToRunner): void {
    if (!this.#dying) this.#outbox.push(message);
  }

  /**
   * The milliseconds for which the runner's code has not given the event loop back; 0 as long as the runner answers.
   */
  get blockedMs(): number {
    return this.#askedAt === undefined || this.#dying ? 0 : performance.now() - this.#askedAt;
  }

  /** Whether a new execution has to wait: the runner still loads, or its code keeps the event loop. */
  get isBusy(): boolean {
    return !this.#isLoaded || this.blockedMs > BUSY_MS;
  }

  /** The execution whose code was entered last, as far as is known. */
  get entered(): Tenant | undefined {
    const [only] = this.kind === 'shared' ? [] : this.tenants.values();
    return only ?? this.tenants.get(this.#entered);
  }

  /** Asks the runner whether it is busy, unless the last question is not answered yet, and where its code is. */
  probe(): void {
    if (!this.#isLoaded || this.tenants.size === 0) return;
    this.#carrier.ask();
    if (this.#askedAt !== undefined) return;
    this.#askedAt = performance.now();
    this.post({ kind: 'ping' });
  }

  /** Ends the runner, busy loops included. Resolves when the runner is dead and its listener knows. Idempotent. */
  async kill(urgent = false): Promise<void> {
    this.#killed ||= !this.#dying;
    this.#dying = true;
    const ready = this.#beforeEnd();
    if (ready && !urgent) await ready;
    this.#carrier.kill(urgent);
    await this.#dead;
  }

  #beforeEnd(): Promise<unknown> | undefined {
    if (this.#isEnding) return undefined;
    this.#isEnding = true;
    return this.#listener.onEnding?.(this);
  }

  /** Ends the runner now, and hears nothing more: what it ran goes on elsewhere, whatever the runner says of it. */
  async abandon(): Promise<void> {
    this.#isDeaf = true;
    await this.kill(true);
  }

  /** Hears messages in their order: at once, or in later turns of the event loop where hearing them takes long. */
  #receive(messages: readonly FromRunner[]): void {
    const isBehind = this.#unheard.length > 0;
    for (const message of messages) this.#unheard.push(message);
    if (!isBehind) this.#hearSome();
  }

  #hearSome(): void {
    const began = performance.now();
    for (const message of this.#unheard) {
      this.#heard += 1;
      this.#hear(message);
      if (performance.now() - began > HEAR_MS) break;
    }
    this.#unheard = this.#unheard.slice(this.#heard);
    this.#heard = 0;
    if (this.#unheard.length > 0) setImmediate(() => this.#hearSome());
  }

  #hear(message: FromRunner): void {
    if (this.#isDeaf) return;
    if (message.kind === 'loading') this.#loading = message.file;
    else if (message.kind === 'loaded' || message.kind === 'load_failed') this.#onLoaded(message);
    else if (message.kind === 'pong') this.#askedAt = undefined;
    else if (message.kind === 'overdue') this.#listener.onOverdue(this);
    else if (message.kind === 'strays') this.#listener.onStrays(this, message);
    else this.#listener.onMessage(this, message);
  }

  #die(error: Error | undefined): void {
    for (const message of this.#unheard.splice(this.#heard)) this.#hear(message);
    this.#dying = true;
    this.#error = error;
    this.#onDead();
    this.#listener.onDeath(this, error);
  }

  async #load(): Promise<Loaded> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        const stuck = (how: string): void => reject(invalid([`${this.#loading || 'the runner'}: ${how}`]));
        timer = setTimeout(() => stuck(`not loaded after ${LOAD_LIMIT_MS / 1000} s`), LOAD_LIMIT_MS);
        void this.#dead.then(() => {
          const { message = 'it is dead' } = this.#error ?? {};
          stuck(`ended the runner while it was loaded: ${message}`);
        });
        this.#onLoaded = (message) => {
          this.#isLoaded = message.kind === 'loaded';
          if (message.kind === 'loaded') resolve(message);
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
