import type { CheckpointEvent } from '@flux/contracts';

/** A sleep that has less left than this waits in memory: to give its place back would cost more. */
export const PARK_AFTER_MS = 5_000;
/** Children that may end any moment are waited for in memory so long, counted from the last that happened. */
export const PARK_CHILDREN_AFTER_MS = 1_000;

export type ParkedEvent = Extract<CheckpointEvent, { type: 'parked' }>;

/** What an execution waits for that needs no worker. */
export interface Wait {
  readonly callId: string;
  /** Of a pause; `null` for a sleep or a child. */
  readonly name: string | null;
  /** Of a sleep, epoch milliseconds; `null` for a pause or a child. */
  readonly dueAt: number | null;
  /** For the end of a child. */
  readonly child?: boolean;
  /** Lets go of what the wait holds; its promise then never settles. */
  drop(): void;
}

export interface ParkingOptions {
  /** A sleep parks when it has at least this much left; milliseconds. */
  readonly parkAfterMs: number;
  /** A wait for children parks when nothing has happened for so long; milliseconds, `Infinity` for none. */
  readonly parkChildrenAfterMs: number;
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
  readonly #waits = new Map<Wait, number>();
  #calls = 0;
  #held = 0;
  /** Rises whenever a call settles: of several pauses, the body asks for those it made last. */
  #turn = 0;
  #asked = false;
  #parked = false;
  #looking = false;
  #changedAt = performance.now();
  #later: NodeJS.Timeout | undefined;

  constructor(private readonly options: ParkingOptions) {}

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
    try {
      return await work();
    } finally {
      this.#calls -= 1;
      this.#turn += 1;
      this.#changedAt = performance.now();
      this.#look();
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

  /** Somebody asks from outside that it pauses: calls outside shields are held from now on. */
  ask(): void {
    this.#asked = true;
    this.#look();
  }

  /** What a call that is counted awaits before it does anything; `undefined`: it may go on. */
  gate(): Promise<never> | undefined {
    if (!this.#parked && !(this.#asked && this.options.isAllowed())) return undefined;
    this.#held += 1;
    this.#look();
    return new Promise<never>(() => undefined);
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
    if (this.#parked || this.#calls > this.#waits.size + this.#held || !this.options.isAllowed()) return;
    const busy = this.options.busy();
    if (busy) {
      void busy.then(() => this.#look());
      return;
    }
    const event = this.#event();
    if (!event) return;
    this.#parked = true;
    clearTimeout(this.#later);
    for (const wait of this.#waits.keys()) wait.drop();
    this.options.onParked(event);
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
    if (dueAt !== null && dueAt - at < this.options.parkAfterMs) return undefined;
    if (child && this.#isTooEarly()) return undefined;
    const heard = child ? { childrenHeard: this.options.childrenHeard() } : {};
    const base = { type: 'parked' as const, dueAt, at, ...heard };
    if (pause) return { ...base, kind: 'pause', callId: pause.callId, name: pause.name };
    if (child) return { ...base, kind: 'child', callId: child.callId, name: null };
    return sleep && { ...base, kind: 'sleep', callId: sleep.callId, name: null };
  }

  /** To wait for children in memory costs less than to be replayed for each that ends in quick succession. */
  #isTooEarly(): boolean {
    const leftMs = this.#changedAt + this.options.parkChildrenAfterMs - performance.now();
    if (leftMs <= 0) return false;
    clearTimeout(this.#later);
    if (Number.isFinite(leftMs)) this.#later = setTimeout(() => this.#look(), leftMs).unref();
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
