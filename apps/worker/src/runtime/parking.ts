import type { CheckpointEvent } from '@flux/contracts';
import { LongTimer } from '@flux/domain';
import type { ExecutionHost } from './host.js';

/** A sleep that has less left than this waits in memory: to give its place back would cost more. */
export const PARK_AFTER_MS = 5_000;
/** Children that may end any moment are waited for in memory so long, counted from the last that happened. */
export const PARK_CHILDREN_AFTER_MS = 1_000;

export type ParkedEvent = Extract<CheckpointEvent, { type: 'parked' }>;

/** A wait of an execution that needs no worker. */
export interface Wait {
  readonly callId: string;
  /** The name of a pause; `null` for a sleep or a child. */
  readonly name: string | null;
  /** The end of a sleep, epoch milliseconds; `null` for a pause or a child. */
  readonly dueAt: number | null;
  /** Present when it waits for the end of a child. */
  readonly child?: boolean;
  /** Lets go of what the wait holds; its promise then never settles. */
  drop(): void;
}

export interface ParkingOptions {
  readonly host: Pick<ExecutionHost, 'parkAfterMs' | 'parkChildrenAfterMs' | 'waiting'>;
  /** How many ends of children are known here. */
  childrenHeard(): number;
  /** False while the body may not be dropped: it has not come to where it stood, is cancelled, or has ended. */
  isAllowed(): boolean;
  /** Resolves when no user code that is counted is under way; `undefined`: none is. */
  busy(): Promise<void> | undefined;
  /** Called once; from then on no call of the body settles. */
  onParked(event: ParkedEvent): void;
}

/**
 * Finds the moment at which an execution waits for time or a resume alone, so that it can give its place back. The
 * moment is looked for after a turn of the event loop without a change: whatever a body goes on to do by itself has
 * been done then.
 */
export class Parking {
  readonly #options: ParkingOptions;
  readonly #waits = new Map<Wait, number>();
  #calls = 0;
  #held = 0;
  /** Rises whenever a call settles: of several pauses, the body asks for those it made last. */
  #turn = 0;
  #asked = false;
  #parked = false;
  #looking = false;
  #changedAt = performance.now();
  #later: LongTimer | undefined;
  /** How many calls wait for children in a way that the execution cannot be parked in. */
  #lending = 0;
  #isLent = false;

  constructor(options: ParkingOptions) {
    this.#options = options;
  }

  /** The execution has been dropped: nothing of it may begin or settle any more. */
  get isParked(): boolean {
    return this.#parked;
  }

  /** No other call is under way but the one that asks. */
  get isAlone(): boolean {
    return this.#calls === 1;
  }

  /** Counts a call from its making until it settles. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    this.#calls += 1;
    if (this.#isLent) this.#tell(false);
    try {
      return await work();
    } finally {
      this.#calls -= 1;
      this.#turn += 1;
      this.#changedAt = performance.now();
      this.#look();
      if (this.#isLent) this.#tell(false);
      if (this.#lending > 0) setImmediate(() => this.#lendIfIdle());
    }
  }

  /** Settles as `done` does, which is the rest of a call that is counted; meanwhile the execution may be parked. */
  async wait<T>(wait: Wait, done: Promise<T>): Promise<T> {
    this.#waits.set(wait, this.#turn);
    this.#changedAt = performance.now();
    this.#look();
    try {
      return await done;
    } finally {
      this.#waits.delete(wait);
    }
  }

  /**
   * Settles as `ended` does, the end of a child for which the execution cannot be parked, in a shield or under a cancel.
   * While all its calls wait, the execution lends its place.
   */
  async lend<T>(ended: Promise<T>): Promise<T> {
    this.#lending += 1;
    setImmediate(() => this.#lendIfIdle());
    try {
      return await ended;
    } finally {
      this.#lending -= 1;
      this.#tell(false);
    }
  }

  /** Somebody asks from outside that it pauses: calls outside shields are held from now on. */
  ask(): void {
    this.#asked = true;
    this.#look();
  }

  /** The promise that a counted call awaits before it does anything; `undefined`: it may go on. */
  gate(): Promise<never> | undefined {
    if (!this.#parked && !(this.#asked && this.#options.isAllowed())) return undefined;
    this.#held += 1;
    this.#look();
    return new Promise<never>(() => undefined);
  }

  #lendIfIdle(): void {
    const isIdle = this.#calls <= this.#waits.size + this.#held + this.#lending;
    if (this.#lending > 0 && isIdle && !this.#parked) this.#tell(true);
  }

  #tell(isLent: boolean): void {
    if (isLent === this.#isLent) return;
    this.#isLent = isLent;
    this.#options.host.waiting(isLent);
  }

  #look(): void {
    if (this.#looking || this.#parked) return;
    if (this.#waits.size === 0 && this.#held === 0) return;
    this.#looking = true;
    setImmediate(() => {
      this.#looking = false;
      this.#consider();
    });
  }

  #consider(): void {
    if (this.#parked || this.#calls > this.#waits.size + this.#held || !this.#options.isAllowed()) return;
    const busy = this.#options.busy();
    if (busy) {
      void busy.then(() => this.#look());
      return;
    }
    const event = this.#event();
    if (!event) return;
    this.#parked = true;
    this.#later?.clear();
    for (const wait of this.#waits.keys()) wait.drop();
    this.#options.onParked(event);
  }

  /** `undefined` while there is nothing to wait for, or a sleep is about to end. */
  #event(): ParkedEvent | undefined {
    const at = Date.now();
    const sleep = this.#earliest();
    const pause = this.#latestPause();
    const dueAt = sleep?.dueAt ?? null;
    const child = [...this.#waits.keys()].find((wait) => wait.child);
    if (this.#held > 0 || (this.#asked && !pause)) {
      return { type: 'parked', kind: 'request', callId: null, name: null, dueAt, at };
    }
    if (dueAt !== null && dueAt - at < this.#options.host.parkAfterMs) return undefined;
    if (child && this.#isTooEarly()) return undefined;
    const heard = child ? { childrenHeard: this.#options.childrenHeard() } : {};
    const base = { type: 'parked' as const, dueAt, at, ...heard };
    if (pause) return { ...base, kind: 'pause', callId: pause.callId, name: pause.name };
    if (child) return { ...base, kind: 'child', callId: child.callId, name: null };
    return sleep && { ...base, kind: 'sleep', callId: sleep.callId, name: null };
  }

  /** A wait for children in memory costs less than a replay for each that ends in quick succession. */
  #isTooEarly(): boolean {
    const leftMs = this.#changedAt + this.#options.host.parkChildrenAfterMs - performance.now();
    if (leftMs <= 0) return false;
    this.#later?.clear();
    this.#later = new LongTimer(leftMs, () => this.#look()).unref();
    return true;
  }

  #earliest(): Wait | undefined {
    let earliest: Wait | undefined;
    for (const wait of this.#waits.keys()) {
      if (wait.dueAt !== null && wait.dueAt < (earliest?.dueAt ?? Infinity)) earliest = wait;
    }
    return earliest;
  }

  /** The first of those that were made since a call last settled. */
  #latestPause(): Wait | undefined {
    let latest: Wait | undefined;
    let turn = -1;
    for (const [wait, made] of this.#waits) {
      if (wait.name !== null && made > turn) [latest, turn] = [wait, made];
    }
    return latest;
  }
}
