import type { HeldExecution } from './held-execution.js';

/** What this worker owns, or still has to report on. */
export class HeldExecutions {
  /** Rarely more than one attempt each: an old one may still unwind while its successor runs. */
  readonly #attempts = new Map<string, readonly HeldExecution[]>();

  add(held: HeldExecution): void {
    this.#attempts.set(held.executionId, [...this.attemptsOf(held.executionId), held]);
  }

  remove(held: HeldExecution): void {
    const rest = this.attemptsOf(held.executionId).filter((other) => other !== held);
    if (rest.length > 0) this.#attempts.set(held.executionId, rest);
    else this.#attempts.delete(held.executionId);
  }

  attemptsOf(executionId: string): readonly HeldExecution[] {
    return this.#attempts.get(executionId) ?? [];
  }

  find(executionId: string, attempt: number): HeldExecution | undefined {
    return this.attemptsOf(executionId).find((held) => held.attempt === attempt);
  }

  all(): HeldExecution[] {
    return [...this.#attempts.values()].flat();
  }
}
