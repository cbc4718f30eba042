import { AsyncResource } from 'node:async_hooks';

type Callback = () => void;

/** The timer that `setTimeout` returns in a simulated process. */
export class VirtualTimer {
  constructor(
    /** The time on the world's clock. */
    public dueAt: number,
    readonly callback: Callback,
    readonly intervalMs: number | undefined,
  ) {}

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

const NONE: readonly VirtualTimer[] = [];

/** The timers and immediates of one simulated process or thread, which its code reaches by the usual globals. */
export class EventLoop {
  /**
   * The step at which the loop began to hear messages though its timers are due. The loop hears the messages that
   * were there before that step, and then the timers run.
   */
  #pollsSince = Number.POSITIVE_INFINITY;
  /** The timers in the order in which they were set. */
  readonly #timers = new Set<VirtualTimer>();
  #immediates: VirtualTimer[] = [];
  #nextDueAt = Number.POSITIVE_INFINITY;
  /** Nothing of it runs any more, ever. */
  dead = false;
  /** Nothing of it runs until it is thawed. */
  frozen = false;

  constructor(
    readonly name: string,
    private readonly keepsContext: boolean,
  ) {}

  get runs(): boolean {
    return !this.dead && !this.frozen;
  }

  /** Says whether it takes a message that came in that step of the world before its timers. */
  hears(step: number, now: number): boolean {
    return step < this.#pollsSince || this.#nextDueAt > now;
  }

  /** Notes that the loop takes a message in that step of the world. */
  polls(step: number, now: number): void {
    this.#pollsSince = this.#nextDueAt > now ? Number.POSITIVE_INFINITY : Math.min(this.#pollsSince, step);
  }

  /** When its next timer is due; `Infinity` without one. */
  get nextDueAt(): number {
    return this.#nextDueAt;
  }

  /** Something of it is due. */
  isReady(now: number): boolean {
    return this.#nextDueAt <= now || this.#immediates.length > 0;
  }

  /** Since when something of it is due; immediates wait for nothing. */
  get readySince(): number {
    return this.#immediates.length > 0 ? Number.NEGATIVE_INFINITY : this.#nextDueAt;
  }

  addTimer(callback: Callback, now: number, delayMs: number, repeats: boolean): VirtualTimer {
    // The delay is Node's: a value that is no number of 1 ms or more counts as 1 ms.
    const delay = delayMs >= 1 ? Math.floor(delayMs) : 1;
    const timer = new VirtualTimer(now + delay, this.#bound(callback), repeats ? delay : undefined);
    this.#timers.add(timer);
    if (timer.dueAt < this.#nextDueAt) this.#nextDueAt = timer.dueAt;
    return timer;
  }

  addImmediate(callback: Callback): VirtualTimer {
    const timer = new VirtualTimer(0, this.#bound(callback), undefined);
    this.#immediates.push(timer);
    return timer;
  }

  clear(timer: unknown): void {
    if (!(timer instanceof VirtualTimer)) return;
    if (this.#timers.delete(timer)) {
      if (timer.dueAt <= this.#nextDueAt) this.#findNext();
    } else this.#immediates = this.#immediates.filter((other) => other !== timer);
  }

  /** The timer that was due first, which is no longer one, or is due again later. */
  takeDue(now: number): VirtualTimer | undefined {
    if (this.#nextDueAt > now) return undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt > this.#nextDueAt) continue;
      this.#timers.delete(timer);
      if (timer.intervalMs !== undefined) {
        timer.dueAt = now + timer.intervalMs;
        this.#timers.add(timer);
      }
      this.#findNext();
      return timer;
    }
    return undefined;
  }

  /** The immediates that a turn of the loop runs after its events; immediates that these add are for the next turn. */
  takeImmediates(): readonly VirtualTimer[] {
    if (this.#immediates.length === 0) return NONE;
    const taken = this.#immediates;
    this.#immediates = [];
    return taken;
  }

  #findNext(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#timers) if (dueAt < next) next = dueAt;
    this.#nextDueAt = next;
  }

  /** Like `AsyncResource.bind`, which takes several times as long. */
  #bound(callback: Callback): Callback {
    if (!this.keepsContext) return callback;
    const resource = new AsyncResource('VirtualTimer');
    return () => resource.runInAsyncScope(callback);
  }
}
