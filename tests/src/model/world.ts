import { EventLoop } from './event-loop.js';

/** 2027-01-15, as good as any. */
const BEGINNING = 1_800_000_000_000;
/** While something is under way time goes on by this much at most: networks and processes are slow, but not for ever. */
const LONGEST_STEP_MS = 40;

/** Decides what happens next: one of `count` possibilities, `0` being what has waited longest. */
export type Choose = (count: number) => number;

interface Item {
  readonly at: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** A way on which things happen in their order, while all ways go side by side. */
export class Lane {
  readonly items: Item[] = [];

  constructor(
    private readonly world: World,
    /** Whose turn it takes; `undefined`: nobody's, it happens in a server that is not simulated itself. */
    readonly loop: EventLoop | undefined,
    readonly isOpen: () => boolean,
  ) {}

  post(run: () => void): void {
    this.world.enqueue(this, run);
  }

  /** Loses what is on it. */
  clear(): void {
    this.items.length = 0;
  }
}

type Option = { readonly sequence: number; readonly take: () => Promise<void> };

/**
 * Simulated processes on one clock. Everything that happens is a step: a message arrives, a statement is executed, a
 * timer is due. Which of those that could be next is chosen from outside, so the same choices are the same run.
 */
export class World {
  now = BEGINNING;
  /** The loop whose code runs. */
  current: EventLoop | undefined;
  readonly #lanes = new Set<Lane>();
  readonly #loops = new Set<EventLoop>();
  #sequence = 0;

  constructor(private readonly drain: () => Promise<void>) {}

  loop(name: string): EventLoop {
    const loop = new EventLoop(name);
    this.#loops.add(loop);
    return loop;
  }

  lane(loop: EventLoop | undefined, isOpen: () => boolean = () => true): Lane {
    return new Lane(this, loop, isOpen);
  }

  enqueue(lane: Lane, run: () => void): void {
    if (lane.loop?.dead) return;
    this.#sequence += 1;
    lane.items.push({ at: this.now, sequence: this.#sequence, run });
    this.#lanes.add(lane);
  }

  /** Ends a process: nothing of it happens any more. */
  kill(loop: EventLoop): void {
    loop.dead = true;
    this.#loops.delete(loop);
    for (const lane of this.#lanes) if (lane.loop === loop) this.#lanes.delete(lane);
  }

  /** One step. False when nothing can happen before `until`, to which the clock has then gone on. */
  async step(choose: Choose, until: number): Promise<boolean> {
    const options = this.#options();
    const next = this.#nextDueAt();
    const mayWait = next <= until && next <= this.#oldest() + LONGEST_STEP_MS;
    if (options.length === 0 && !mayWait) {
      this.now = Math.max(this.now, until);
      return false;
    }
    const chosen = choose(options.length + (mayWait ? 1 : 0));
    const option = options[chosen];
    if (option) await option.take();
    else this.now = Math.max(this.now, next);
    return true;
  }

  #options(): Option[] {
    const options: Option[] = [];
    for (const lane of this.#lanes) {
      const [item] = lane.items;
      if (!item) this.#lanes.delete(lane);
      else if (lane.isOpen() && (lane.loop?.runs ?? true)) {
        options.push({ sequence: item.sequence, take: () => this.#take(lane) });
      }
    }
    options.sort((a, b) => a.sequence - b.sequence);
    for (const loop of this.#loops) {
      if (loop.runs && (loop.hasImmediates || loop.nextDueAt <= this.now)) {
        options.push({ sequence: 0, take: () => this.turn(loop, () => loop.takeDue(this.now)?.callback()) });
      }
    }
    return options;
  }

  #take(lane: Lane): Promise<void> {
    const item = lane.items.shift();
    return this.turn(lane.loop, () => item?.run());
  }

  /** Runs something as an event of a loop, and whatever it leads to before the loop's next event. */
  async turn(loop: EventLoop | undefined, run: () => void): Promise<void> {
    if (!loop) return run();
    this.current = loop;
    run();
    await this.drain();
    for (const { callback } of loop.takeImmediates()) {
      if (loop.dead) break;
      callback();
      await this.drain();
    }
    this.current = undefined;
  }

  #nextDueAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const loop of this.#loops) if (loop.runs) next = Math.min(next, loop.nextDueAt);
    return next;
  }

  /** When the oldest step that could be taken came up. */
  #oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { items, loop, isOpen } of this.#lanes) {
      const [item] = items;
      if (item && isOpen() && (loop?.runs ?? true)) oldest = Math.min(oldest, item.at);
    }
    return oldest;
  }
}
