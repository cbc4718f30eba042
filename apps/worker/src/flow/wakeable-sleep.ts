import { sleep } from '@flux/domain';

/** A sleep that can be cut short, also in advance. */
export class WakeableSleep {
  #wake = new AbortController();

  /** Sleeps for `milliseconds`, or less when woken; a wake since the last sleep counts. */
  async for(milliseconds: number): Promise<void> {
    await sleep(milliseconds, this.#wake.signal).catch(() => undefined);
    this.#wake = new AbortController();
  }

  wake(): void {
    this.#wake.abort();
  }
}
