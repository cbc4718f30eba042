import { EventLoop } from './event-loop.js';

/** 2027-01-15, as good as any. */
export const BEGINNING = 1_800_000_000_000;
/** While something is under way time goes on by this much at most: networks and processes are slow, but not for ever. */
const LONGEST_STEP_MS = 40;

/** Decides what happens next: one of `count` possibilities, `0` being what has waited longest. */
export type Choose = (count: number) => number;

interface Item {
  readonly at: number;
  /** The step of the world in which the item was put here. */
  readonly step: number;
  readonly run: () => void;
}

/** A way on which things happen in their order, while all ways go side by side. */
export class Lane {
  readonly items: Item[] = [];
  #closed = false;

  constructor(
    private readonly world: World,
    /** The loop whose turn an item takes; `undefined`: items happen in a server that is not simulated itself. */
    readonly loop: EventLoop | undefined,
    private readonly isOpen: (() => boolean) | undefined,
  ) {}

  /** Whether the lane's next item could happen now. */
  get flows(): boolean {
    const { loop } = this;
    const isHeard = loop === undefined || (loop.runs && loop.hears(this.items[0]?.step ?? 0, this.world.now));
    return isHeard && (this.isOpen?.() ?? true);
  }

  post(run: () => void): void {
    if (!this.#closed) this.world.enqueue(this, run);
  }

  /** Loses what is on it, and whatever comes after. */
  close(): void {
    this.#closed = true;
    this.items.length = 0;
  }
}

/**
 * Simulated processes on one clock. Everything that happens is a step: a message arrives, a statement is executed, a
 * timer is due. Which of those that could be next is chosen from outside, so the same choices are the same run.
 */
export class World {
  now = BEGINNING;
  /** The loop whose code runs. */
  current: EventLoop | undefined;
  /** The lanes with items on them, in the order in which they came to have their present first item. */
  readonly #lanes = new Set<Lane>();
  readonly #loops = new Set<EventLoop>();
  #step = 0;

  constructor(private readonly drain: () => Promise<void>) {}

  /** @param keepsContext its timers run in the async context of who set them, as user code needs it */
  loop(name: string, keepsContext = false): EventLoop {
    const loop = new EventLoop(name, keepsContext);
    this.#loops.add(loop);
    return loop;
  }

  lane(loop: EventLoop | undefined, isOpen?: () => boolean): Lane {
    return new Lane(this, loop, isOpen);
  }

  enqueue(lane: Lane, run: () => void): void {
    if (lane.loop?.dead) return;
    lane.items.push({ at: this.now, step: this.#step, run });
    this.#lanes.add(lane);
  }

  /** Something that happens by itself, in no process that is simulated. */
  after(ms: number, then: () => void): void {
    const loop = this.loop('the world');
    const callback = (): void => {
      then();
      this.kill(loop);
    };
    loop.addTimer(callback, this.now, ms, false);
  }

  /** Ends a process: nothing of it happens any more. */
  kill(loop: EventLoop): void {
    loop.dead = true;
    this.#loops.delete(loop);
    for (const lane of this.#lanes) if (lane.loop === loop) this.#lanes.delete(lane);
  }

  /** Takes one step. False when nothing can happen before `until`, to which the clock has then gone on. */
  step(choose: Choose, until: number): boolean | Promise<true> {
    let options = 0;
    let oldest = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes) {
      const [item] = lane.items;
      if (!item) this.#lanes.delete(lane);
      else if (lane.flows) {
        options += 1;
        if (item.at < oldest) oldest = item.at;
      }
    }
    let next = Number.POSITIVE_INFINITY;
    for (const loop of this.#loops) {
      if (!loop.runs) continue;
      if (loop.isReady(this.now)) {
        options += 1;
        oldest = Math.min(oldest, loop.readySince);
      } else next = Math.min(next, loop.nextDueAt);
    }
    const mayWait = next <= until && next <= oldest + LONGEST_STEP_MS;
    if (options === 0 && !mayWait) {
      this.now = Math.max(this.now, until);
      return false;
    }
    const chosen = choose(options + (mayWait ? 1 : 0));
    this.#step += 1;
    if (chosen < options) return this.#take(chosen);
    this.now = Math.max(this.now, next);
    return true;
  }

  /** Lanes come first, in their order, then the loops with something due. */
  #take(index: number): true | Promise<true> {
    let left = index;
    for (const lane of this.#lanes) {
      if (!lane.flows) continue;
      if (left === 0) return this.#takeFrom(lane);
      left -= 1;
    }
    for (const loop of this.#loops) {
      if (!loop.runs || !loop.isReady(this.now)) continue;
      if (left === 0) return this.#timers(loop);
      left -= 1;
    }
    throw new Error('there is no such choice');
  }

  #takeFrom(lane: Lane): true | Promise<true> {
    const item = lane.items.shift();
    this.#lanes.delete(lane);
    if (lane.items.length > 0) this.#lanes.add(lane);
    const run = item?.run ?? ((): void => undefined);
    if (lane.loop) {
      lane.loop.polls(this.#step, this.now);
      return this.turn(lane.loop, run);
    }
    run();
    return true;
  }

  /** All that is due, as in Node: no message comes between two timers of one phase. */
  async #timers(loop: EventLoop): Promise<true> {
    this.current = loop;
    for (;;) {
      const timer = loop.dead ? undefined : loop.takeDue(this.now);
      if (!timer) break;
      timer.callback();
      await this.drain();
    }
    return this.turn(loop, () => undefined);
  }

  /** Runs something as an event of a loop, and whatever it leads to before the loop's next event. */
  async turn(loop: EventLoop, run: () => void): Promise<true> {
    this.current = loop;
    run();
    await this.drain();
    for (const { callback } of loop.takeImmediates()) {
      if (loop.dead) break;
      callback();
      await this.drain();
    }
    this.current = undefined;
    return true;
  }
}
