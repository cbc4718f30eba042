import type { MemoryTables, Statement } from '@flux/api/testing';

/** What the database was asked, and answered; `at` is its clock, epoch milliseconds. */
export type Traced =
  | {
      readonly do: 'query';
      readonly name: string;
      readonly values: readonly unknown[];
      readonly at: number;
      readonly rows: readonly unknown[];
    }
  | { readonly do: 'begin' | 'commit' | 'rollback' };

/** All that a program had the database do, and how it left the tables; JSON. */
export interface Trace {
  /** Of the statements, by name. */
  readonly texts: Readonly<Record<string, string>>;
  readonly steps: readonly Traced[];
  /** Rows as {@link MemoryTables} has them. */
  readonly tables: Readonly<Record<string, ReadonlyArray<Readonly<Record<string, unknown>>>>>;
}

/** Writes down what the simulated database does. */
export class Tracer {
  readonly #texts = new Map<string, string>();
  readonly #steps: Traced[] = [];

  query({ name, text }: Statement, values: readonly unknown[], rows: readonly unknown[]): void {
    this.#texts.set(name, text);
    // As they are now: what they hold is used on.
    const copy = JSON.stringify({ do: 'query', name, values, at: Date.now(), rows });
    this.#steps.push(JSON.parse(copy) as Traced);
  }

  note(what: 'begin' | 'commit' | 'rollback'): void {
    this.#steps.push({ do: what });
  }

  trace({ present }: MemoryTables): Trace {
    const { executions, events, outbox, workers, workflows } = present;
    return {
      texts: Object.fromEntries(this.#texts),
      steps: this.#steps,
      tables: {
        executions: [...executions.values()],
        execution_events: [...events.values()].flat(),
        outbox: [...outbox.values()],
        workers: [...workers.values()],
        workflows: [...workflows.values()],
      },
    };
  }
}
