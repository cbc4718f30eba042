import type { CancelNotice } from '@flux/contracts';
import type { Bus } from '@flux/messaging';

/** How long after an alarm a cancel may come that it has held up. */
const REMEMBERED_MS = 60_000;

/** Gives cancels back what an alarm of the broker took of their grace periods: nobody could tell of them meanwhile. */
export class AlarmGrace {
  readonly #leaseMs: () => number;
  readonly #unsubscribe: () => void;
  /** The latest alarm, on the clock of `performance.now()`; it stands as long as it has no end. */
  #beganAt = Number.NEGATIVE_INFINITY;
  #endedAt: number | undefined = Number.NEGATIVE_INFINITY;

  /** @param leaseMs the most that is given back: so long the api waits for word of a cancel whose deadline has passed */
  constructor(bus: Bus, leaseMs: () => number) {
    this.#leaseMs = leaseMs;
    this.#unsubscribe = bus.onStateChange((state) => {
      if (state === 'blocked' && this.#endedAt !== undefined) {
        this.#beganAt = performance.now();
        this.#endedAt = undefined;
      } else if (state !== 'blocked') this.#endedAt ??= performance.now();
    });
  }

  /** The notice with the time that its body has for its cleanup. */
  restore(notice: CancelNotice): CancelNotice {
    const endedAt = this.#endedAt ?? performance.now();
    if (notice.graceMs === undefined || performance.now() - endedAt > REMEMBERED_MS) return notice;
    const heldUpMs = Math.min(endedAt - this.#beganAt, this.#leaseMs());
    return { ...notice, remainingMs: Math.min(notice.graceMs, notice.remainingMs + heldUpMs) };
  }

  stop(): void {
    this.#unsubscribe();
  }
}
