/** A sleep that can be cut short, also in advance. */
export class Pause {
  #wake: (() => void) | undefined;
  #awake = false;

  /** Sleeps for `milliseconds`, or less when woken; a wake since the last sleep counts. */
  async for(milliseconds: number): Promise<void> {
    if (!this.#awake) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#awake = false;
    this.#wake = undefined;
  }

  wake(): void {
    this.#awake = true;
    this.#wake?.();
  }
}
