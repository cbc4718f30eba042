import type { EventLoop } from './event-loop.js';
import type { Lane, World } from './world.js';

/**
 * A connection to the broker, from its opening to its end. Each channel keeps its own order; there is none between
 * two channels.
 */
export class Session {
  readonly publishes: Lane;
  readonly confirms: Lane;
  readonly requests: Lane;
  readonly replies: Lane;
  readonly #lanes: Lane[];
  /** Whether the connection stands, as the broker sees it. */
  isAlive = true;

  constructor(
    private readonly world: World,
    private readonly loop: EventLoop,
    private readonly flows: () => boolean,
  ) {
    this.publishes = world.lane(undefined, flows);
    this.confirms = world.lane(loop, flows);
    this.requests = world.lane(undefined, flows);
    this.replies = world.lane(loop, flows);
    this.#lanes = [this.publishes, this.confirms, this.requests, this.replies];
  }

  /** The two ways of a consumer's channel. */
  consumerLanes(): { readonly deliveries: Lane; readonly outcomes: Lane } {
    const deliveries = this.world.lane(this.loop, this.flows);
    const outcomes = this.world.lane(undefined, this.flows);
    this.#lanes.push(deliveries, outcomes);
    return { deliveries, outcomes };
  }

  /** The broker has nothing more to do with it, whatever is still under way. */
  end(): void {
    this.isAlive = false;
    for (const lane of this.#lanes) lane.close();
  }

  /** The process hears nothing more of it. */
  silence(): void {
    for (const lane of this.#lanes) if (lane.loop !== undefined) lane.close();
  }
}
