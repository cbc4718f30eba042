interface Owned {
  readonly executionId: string;
  readonly attempt: number;
}

/**
 * Remembers which executions each worker owns without knowing of them. That is normal for a moment: a grant is on its
 * way, or the last checkpoint waits in its queue.
 */
export class MissingExecutions {
  readonly #patienceMs: number;
  readonly #since = new Map<string, Map<string, number>>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The executions of `missing` that the worker has not known of for longer than the patience, without a break. */
  overdue<T extends Owned>(workerId: string, missing: readonly T[], now: number): T[] {
    const before = this.#since.get(workerId);
    const since = new Map(missing.map((owned) => [keyOf(owned), before?.get(keyOf(owned)) ?? now] as const));
    if (since.size > 0) this.#since.set(workerId, since);
    else this.#since.delete(workerId);
    return missing.filter((owned) => now - (since.get(keyOf(owned)) ?? now) > this.#patienceMs);
  }

  forget(workerId: string): void {
    this.#since.delete(workerId);
  }
}

function keyOf({ executionId, attempt }: Owned): string {
  return `${executionId}:${attempt}`;
}
