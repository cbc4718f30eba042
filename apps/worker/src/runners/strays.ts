import type { StrayKind, Strays as StrayCount } from '@flux/contracts';
import type { Logger } from 'pino';

/** Counts the executions that left things open in shared runners, and warns once of each workflow and kind. */
export class Strays {
  readonly #log: Logger;
  readonly #counts = new Map<string, Map<StrayKind, number>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param open how many are open, by kind */
  note(workflowName: string, open: ReadonlyMap<StrayKind, number>): void {
    const counts = this.#counts.get(workflowName) ?? new Map<StrayKind, number>();
    this.#counts.set(workflowName, counts);
    for (const [kind, count] of open) {
      if (!counts.has(kind)) this.#warn(workflowName, kind, count);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  }

  list(): StrayCount[] {
    return [...this.#counts].flatMap(([workflowName, counts]) =>
      [...counts].map(([kind, executions]) => ({ workflowName, kind, executions })),
    );
  }

  #warn(workflowName: string, kind: StrayKind, count: number): void {
    this.#log.warn(
      { workflowName, kind, count },
      'an execution has ended and left something open in a shared runner, where it goes on: close it in the workflow',
    );
  }
}
