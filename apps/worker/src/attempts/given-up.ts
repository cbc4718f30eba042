import type { Attempt, AttemptRef } from './attempt.js';

/** The attempts that this worker stopped because it could not be sure of owning them, until the api knows. */
export class GivenUp {
  readonly #untold = new Map<string, AttemptRef>();
  readonly #unwinding = new Set<Attempt>();
  #waiting: Array<() => void> = [];

  /** The code of the attempt may still be unwinding, unless the attempt has ended. */
  add(attempt: Attempt): void {
    this.addGrant(attempt.ref);
    if (attempt.state !== 'ended') this.#unwinding.add(attempt);
  }

  /** An attempt that was granted and never begun here. */
  addGrant({ executionId, attempt }: AttemptRef): void {
    this.#untold.set(`${executionId} ${attempt}`, { executionId, attempt });
  }

  ended(attempt: Attempt): void {
    if (!this.#unwinding.delete(attempt) || this.#unwinding.size > 0) return;
    for (const tell of this.#waiting.splice(0)) tell();
  }

  /** Resolves once no code of these attempts runs. */
  async stopped(): Promise<void> {
    if (this.#unwinding.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  list(): AttemptRef[] {
    return [...this.#untold.values()];
  }

  /** The api knows of these. */
  told(list: readonly AttemptRef[]): void {
    for (const { executionId, attempt } of list) this.#untold.delete(`${executionId} ${attempt}`);
  }
}
