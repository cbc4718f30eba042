/** A row by the names of its columns; timestamps are epoch milliseconds, JSON is its text. */
export type Columns = Readonly<Record<string, unknown>>;

/** The tables that the core's statements touch. Rows are never changed in place: a copy of the maps is a snapshot. */
export interface Tables {
  readonly executions: Map<string, Columns>;
  /** By execution, in the order of `seq`. */
  readonly events: Map<string, readonly Columns[]>;
  readonly outbox: Map<string, Columns>;
  readonly workers: Map<string, Columns>;
  /** By name and version. */
  readonly workflows: Map<string, Columns>;
}

export function emptyTables(): Tables {
  return {
    executions: new Map(),
    events: new Map(),
    outbox: new Map(),
    workers: new Map(),
    workflows: new Map(),
  };
}

/** The tables as they are; writes to one copy do not show in the other. */
export function copyTables(tables: Tables): Tables {
  return {
    executions: new Map(tables.executions),
    events: new Map(tables.events),
    outbox: new Map(tables.outbox),
    workers: new Map(tables.workers),
    workflows: new Map(tables.workflows),
  };
}

export const isLiveWorker = (worker: Columns): boolean =>
  worker.state === 'running' || worker.state === 'draining';

export const isOwned = (execution: Columns): boolean =>
  execution.state === 'RUNNING' || execution.state === 'CANCELLING';

/** A column that holds a time, `undefined` for null. */
export function timeOf(row: Columns, column: string): number | undefined {
  return (row[column] ?? undefined) as number | undefined;
}
