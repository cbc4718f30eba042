import { OUTBOX_LEASE_MS, type OutboxRow } from '../../dispatch/outbox.js';
import type { ExecutionRecord } from '../execution-row.js';
import type { CancelKey } from './cancel-keys.js';
import { isoOrNull } from '../iso-or-null.js';
import { nextResend } from '../schedule.js';

/** An execution to be created. */
export interface NewExecution {
  readonly record: ExecutionRecord;
  /** The id, when the caller chose it. */
  readonly namedId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly requestedBy: string;
  /** The events that cancel it. */
  readonly cancelKeys: readonly CancelKey[];
}

/** The values of {@link INSERT_EXECUTIONS}; each execution with its run message at the same index. */
export function insertValues(
  wanted: readonly NewExecution[],
  outbox: readonly OutboxRow[],
  now: number,
): unknown[] {
  const keys = wanted.flatMap(({ record, cancelKeys }) =>
    cancelKeys.map((each) => ({ ...each, id: record.id })),
  );
  const nextDispatch = isoOrNull(nextResend(false, now, 0));
  return [
    wanted.map(({ record }) => record.id),
    wanted.map(({ record }) => record.workflowName),
    wanted.map(({ record }) => JSON.stringify(record.input)),
    wanted.map(({ record }) => JSON.stringify(record.labels)),
    wanted.map(({ idempotencyKey }) => idempotencyKey ?? null),
    wanted.map(({ requestedBy }) => requestedBy),
    wanted.map(({ record }) => isoOrNull(record.createdAt)),
    wanted.map(({ record }) => isoOrNull(record.timeoutAt)),
    wanted.map(() => nextDispatch),
    wanted.map(({ record }) => record.gracePeriodMs),
    outbox.map((row) => row.id),
    isoOrNull(now + OUTBOX_LEASE_MS),
    wanted.map(({ record }) => record.parentExecutionId),
    wanted.map(({ record }) => record.rootExecutionId),
    wanted.map(({ record }) => record.parent && JSON.stringify(record.parent)),
    keys.map(({ id }) => id),
    keys.map(({ event }) => event),
    keys.map(({ key }) => key),
  ];
}
