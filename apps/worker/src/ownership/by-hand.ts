import type { WorkerWish } from '@flux/contracts';

/** What this worker was asked by hand: the latest wish of those that come by several ways, in any order. */
export class ByHand {
  #wish: WorkerWish = { number: 0, kind: null };

  get kind(): WorkerWish['kind'] {
    return this.#wish.kind;
  }

  /** @returns whether the wish is a later one than all before */
  hear(wish: WorkerWish): boolean {
    if (wish.number <= this.#wish.number) return false;
    this.#wish = wish;
    return true;
  }
}
