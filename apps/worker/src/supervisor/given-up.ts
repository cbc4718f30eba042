import type { HeldExecution } from './held-execution.js';

interface Owned {
  readonly executionId: string;
  readonly attempt: number;
}

/** What this worker stopped because it could not be sure of owning it, until the api knows. */
export class GivenUp {
  readonly #untold = new Map<string, Owned>();
  readonly #unwinding = new Set<HeldExecution>();
  #waiting: Array<() => void> = [];

  /** Its code may still be unwinding, unless it has ended. */
  add(held: HeldExecution): void {
    this.addGrant(held);
    if (held.phase === 'running') this.#unwinding.add(held);
  }

  /** Granted, and never begun here. */
  addGrant({ executionId, attempt }: Owned): void {
    this.#untold.set(`${executionId} ${attempt}`, { executionId, attempt });
  }

  ended(held: HeldExecution): void {
    if (!this.#unwinding.delete(held) || this.#unwinding.size > 0) return;
    for (const tell of this.#waiting.splice(0)) tell();
  }

  /** Resolves once no code of any of it runs. */
  async stopped(): Promise<void> {
    if (this.#unwinding.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  list(): Owned[] {
    return [...this.#untold.values()];
  }

  /** The api knows of these. */
  told(list: readonly Owned[]): void {
    for (const { executionId, attempt } of list) this.#untold.delete(`${executionId} ${attempt}`);
  }
}
