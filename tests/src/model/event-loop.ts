import { AsyncResource } from 'node:async_hooks';

type Callback = () => void;

/** What `setTimeout` returns in a simulated process. */
export class VirtualTimer {
  constructor(
    /** On the world's clock. */
    public dueAt: number,
    readonly sequence: number,
    readonly callback: Callback,
    readonly intervalMs: number | undefined,
  ) {}

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

/** The timers and immediates of one simulated process or thread, which its code reaches by the usual globals. */
export class EventLoop {
  readonly #timers = new Set<VirtualTimer>();
  #immediates: VirtualTimer[] = [];
  #sequence = 0;
  /** Nothing of it runs any more, ever. */
  dead = false;
  /** Nothing of it runs until it is thawed. */
  frozen = false;

  constructor(readonly name: string) {}

  get runs(): boolean {
    return !this.dead && !this.frozen;
  }

  get hasImmediates(): boolean {
    return this.#immediates.length > 0;
  }

  addTimer(callback: Callback, now: number, delayMs: number, repeats: boolean): VirtualTimer {
    // As Node does: whatever is no number of 1 ms and more is 1 ms.
    const delay = delayMs >= 1 ? Math.floor(delayMs) : 1;
    const bound = AsyncResource.bind(callback);
    const timer = new VirtualTimer(now + delay, this.#next(), bound, repeats ? delay : undefined);
    this.#timers.add(timer);
    return timer;
  }

  addImmediate(callback: Callback): VirtualTimer {
    const timer = new VirtualTimer(0, this.#next(), AsyncResource.bind(callback), undefined);
    this.#immediates.push(timer);
    return timer;
  }

  clear(timer: unknown): void {
    if (!(timer instanceof VirtualTimer)) return;
    this.#timers.delete(timer);
    this.#immediates = this.#immediates.filter((other) => other !== timer);
  }

  /** When its next timer is due; `Infinity` without one. */
  get nextDueAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#timers) if (dueAt < next) next = dueAt;
    return next;
  }

  /** The timer that was due first, which is no longer one, or is due again later. */
  takeDue(now: number): VirtualTimer | undefined {
    let first: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      const earlier = !first || timer.dueAt < first.dueAt;
      if (timer.dueAt <= now && (earlier || (timer.dueAt === first?.dueAt && timer.sequence < first.sequence))) {
        first = timer;
      }
    }
    if (!first) return undefined;
    if (first.intervalMs === undefined) this.#timers.delete(first);
    else first.dueAt = now + first.intervalMs;
    return first;
  }

  /** What a turn of the loop runs after its events; what these add is for the next turn. */
  takeImmediates(): VirtualTimer[] {
    const taken = this.#immediates;
    this.#immediates = [];
    return taken;
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
