import type { ChildFinished, HistoryEntry } from '@flux/contracts';

/** How the children of an execution ended, from its history and from its worker's messages; each once. */
export class ChildEnds {
  readonly #ends = new Map<string, ChildFinished>();
  readonly #waiting = new Map<string, Array<(end: ChildFinished) => void>>();

  constructor(history: readonly HistoryEntry[]) {
    for (const entry of history) if (entry.type === 'child_finished') this.#ends.set(entry.callId, entry);
  }

  /** How many it knows. */
  get count(): number {
    return this.#ends.size;
  }

  get(callId: string): ChildFinished | undefined {
    return this.#ends.get(callId);
  }

  deliver(entry: ChildFinished): void {
    if (this.#ends.has(entry.callId)) return;
    this.#ends.set(entry.callId, entry);
    for (const wake of this.#waiting.get(entry.callId) ?? []) wake(entry);
    this.#waiting.delete(entry.callId);
  }

  /** Resolves once the child of that call has ended. */
  async arrived(callId: string): Promise<ChildFinished> {
    const end = this.#ends.get(callId);
    if (end) return end;
    return new Promise((resolve) => {
      this.#waiting.set(callId, [...(this.#waiting.get(callId) ?? []), resolve]);
    });
  }
}
