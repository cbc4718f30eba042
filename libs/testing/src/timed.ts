const BEAT_MS = 5;

/** What a piece of work took, in milliseconds. */
interface Timed<T> {
  readonly result: T;
  readonly tookMs: number;
  /** Of that, the time for which the machine gave this process nothing. */
  readonly heldUpMs: number;
}

/** Runs work of this process, and tells how long it took. */
export async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const began = performance.now();
  let [beatAt, heldUpMs] = [began, 0];
  const beat = (): void => {
    const now = performance.now();
    heldUpMs += Math.max(0, now - beatAt - 2 * BEAT_MS);
    beatAt = now;
  };
  const timer = setInterval(beat, BEAT_MS);
  try {
    const result = await work();
    beat();
    return { result, tookMs: performance.now() - began, heldUpMs };
  } finally {
    clearInterval(timer);
  }
}
