import type { Bus, ConnectionState, MemoryBus } from '@flux/messaging';

/** A bus whose publishes to one address a test can hold back, as a network does that swallows everything. */
export class HoldingBus implements Bus {
  readonly #bus: MemoryBus;
  #held = '';
  #release: Promise<void> = Promise.resolve();
  #letGo: () => void = () => undefined;

  constructor(bus: MemoryBus) {
    this.#bus = bus;
  }

  get state(): ConnectionState {
    return this.#bus.state;
  }

  hold(address: string): void {
    this.#held = address;
    this.#release = new Promise((resolve) => (this.#letGo = resolve));
  }

  letGo(): void {
    this.#held = '';
    this.#letGo();
  }

  publish: Bus['publish'] = async (address, ...rest) => {
    if (address.name === this.#held) await this.#release;
    return this.#bus.publish(address, ...rest);
  };
  request: Bus['request'] = (...parameters) => this.#bus.request(...parameters);
  subscribe: Bus['subscribe'] = (...parameters) => this.#bus.subscribe(...parameters);
  declare: Bus['declare'] = (...parameters) => this.#bus.declare(...parameters);
  onStateChange: Bus['onStateChange'] = (listener) => this.#bus.onStateChange(listener);
  close: Bus['close'] = () => this.#bus.close();
}
