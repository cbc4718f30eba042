import type { Attempt, AttemptRef } from './attempt.js';

/** The attempts that this worker owns, or still has to end. */
export class AttemptRegistry {
  /** Rarely more than one attempt each: an old one may still unwind while its successor runs. */
  readonly #byExecution = new Map<string, readonly Attempt[]>();
  readonly #byHandle = new Map<number, Attempt>();

  add(attempt: Attempt): void {
    const { executionId, handle } = attempt;
    this.#byHandle.set(handle, attempt);
    this.#byExecution.set(executionId, [...this.attemptsOf(executionId), attempt]);
  }

  remove(attempt: Attempt): void {
    const { executionId, handle } = attempt;
    this.#byHandle.delete(handle);
    const rest = this.attemptsOf(executionId).filter((other) => other !== attempt);
    if (rest.length > 0) this.#byExecution.set(executionId, rest);
    else this.#byExecution.delete(executionId);
  }

  attemptsOf(executionId: string): readonly Attempt[] {
    return this.#byExecution.get(executionId) ?? [];
  }

  find({ executionId, attempt }: AttemptRef): Attempt | undefined {
    return this.attemptsOf(executionId).find(({ ref }) => ref.attempt === attempt);
  }

  withHandle(handle: number): Attempt | undefined {
    return this.#byHandle.get(handle);
  }

  all(): Attempt[] {
    return [...this.#byHandle.values()];
  }
}
