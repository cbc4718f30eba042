/** The words between a supervisor and the guard of a runner, on a line of their own; each ends with a line break. */

/** The descriptor on which a runner process hears its supervisor breathe. */
export const GUARD_FD = 4;

/** Supervisor → guard: where is the code? Any other word is the time until which the worker owns what runs there. */
export const ASK = '?';

/** Guard → supervisor, with a handle: whose code was entered last, and whose input takes too long to be checked. */
export type GuardWord = 'entered' | 'slow_check';

/** The data that a guard is started with. */
export interface GuardData {
  /** The buffers of what it shares with the main thread: {@link OwnershipClock}, {@link Whereabouts}. */
  readonly clock: SharedArrayBuffer;
  readonly whereabouts: SharedArrayBuffer;
  /** How long the check of an input may keep the main thread. */
  readonly inputCheckMs: number;
  /** How marks of programs name its worker. */
  readonly incarnation: string | undefined;
}

/** Splits what comes on a line into its words, whatever the pieces it comes in. */
export class Words {
  #unread = '';

  /** @returns the words that have come to their end */
  hear(text: string): string[] {
    const words = (this.#unread + text).split('\n');
    this.#unread = words.pop() ?? '';
    return words;
  }
}
