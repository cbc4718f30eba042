import type { Statement } from '../../database/database.js';
import { assigned, selected, unnested } from './sql-text.js';
import { isOwned, isLiveWorker, timeOf, type Columns, type Tables } from './tables.js';

/** What a statement does; `now` is the database's clock. */
export type Execute = (
  tables: Tables,
  values: readonly unknown[],
  statement: Statement,
  now: number,
) => Columns[];

const NEW_EXECUTION = { version: 1, attempt: 0, checkpoint_seq: 0, dispatch_count: 0, runner_losses: 0 };

const byId = (a: Columns, b: Columns): number => ((a.id as string) < (b.id as string) ? -1 : 1);

/** `SELECT … WHERE e.id = ANY($1)` */
const readByIds: Execute = ({ executions }, [ids], statement) =>
  [...new Set(ids as string[])].flatMap((id) => {
    const row = executions.get(id);
    return row ? [selected(statement, row)] : [];
  });

const insertExecutions: Execute = (tables, values, statement) => {
  const { executions, events, outbox } = tables;
  const inserted: Columns[] = [];
  for (const { outbox_id: outboxId, ...wanted } of unnested(statement, 'wanted', values)) {
    const id = wanted.id as string;
    if (wanted.idempotency_key !== null) throw new Error('the database in memory knows no idempotency keys');
    if (executions.has(id)) continue;
    const due = [timeOf(wanted, 'next_dispatch_at'), timeOf(wanted, 'timeout_at')].filter(
      (time) => time !== undefined,
    );
    const due_at = due.length > 0 ? Math.min(...due) : null;
    const row = { ...NEW_EXECUTION, ...wanted, state: 'SCHEDULED', last_event_seq: 1, due_at };
    executions.set(id, row);
    const data = JSON.stringify({ requestedBy: wanted.requested_by });
    const event = { seq: 1, type: 'execution_scheduled', at: wanted.created_at, attempt: 0, data };
    events.set(id, [{ execution_id: id, ...event }]);
    const body = JSON.stringify({ executionId: id, workflowName: wanted.workflow_name });
    const run = { id: outboxId, kind: 'run', target: wanted.workflow_name, body };
    outbox.set(outboxId as string, { ...run, due_at: Date.parse(values[11] as string) });
    inserted.push({ id });
  }
  return inserted;
};

const writeChanges: Execute = ({ executions, events, outbox }, values, statement) => {
  const written = new Set<string>();
  for (const change of unnested(statement, 'change', values)) {
    const row = executions.get(change.id as string);
    if (row?.version !== change.version) continue;
    written.add(change.id as string);
    const version = (row?.version as number) + 1;
    executions.set(change.id as string, { ...row, ...assigned(statement, change, row ?? {}), version });
  }
  for (const event of unnested(statement, 'event', values)) {
    const id = event.execution_id as string;
    if (!written.has(id)) continue;
    const before = events.get(id) ?? [];
    if (before.some(({ seq }) => seq === event.seq)) throw new Error(`event ${String(event.seq)} exists`);
    events.set(
      id,
      [...before, event].sort((a, b) => (a.seq as number) - (b.seq as number)),
    );
  }
  for (const { execution_id: id, ...message } of unnested(statement, 'message', values)) {
    if (written.has(id as string)) outbox.set(message.id as string, message);
  }
  return [...written].map((id) => ({ id }));
};

const readEvents: Execute = ({ events }, [id, after, limit]) =>
  (events.get(id as string) ?? [])
    .filter(({ seq }) => (seq as number) > (after as number))
    .slice(0, limit as number)
    .map(({ seq, type, at, attempt, data }) => ({ seq, type, at, attempt, data: json(data) }));

/** Without the limit on bytes: histories are short here. */
const readReplay: Execute = ({ events }, [ids, afters, limit], statement) => {
  const replayed = new Set([...statement.text.matchAll(/'(\w+)'/g)].map(([, type]) => type));
  return (ids as string[]).flatMap((id, index) => {
    const after = (afters as number[])[index] as number;
    const page = (events.get(id) ?? [])
      .filter(({ seq, type }) => (seq as number) > after && replayed.has(type as string))
      .slice(0, limit as number);
    return page.map(({ seq, type, data, at }) => {
      return { executionId: id, seq, type, data, at, candidates: page.length };
    });
  });
};

function isCancelledLater({ parking }: Columns): boolean {
  const { delayedCancel } = (json(parking ?? 'null') ?? {}) as { readonly delayedCancel?: Columns | null };
  return (delayedCancel?.dueAt ?? null) !== null;
}

const readDue: Execute = ({ executions }, [time, connected, limit]) => {
  const now = Date.parse(time as string);
  const isDue = (at: number | undefined): boolean => at !== undefined && at <= now;
  return [...executions.values()]
    .filter((row) => isDue(timeOf(row, 'due_at')))
    .filter(
      (row) =>
        connected === true ||
        isDue(timeOf(row, 'timeout_at')) ||
        (row.state === 'CANCELLING' && row.worker_id === null) ||
        isCancelledLater(row),
    )
    .sort((a, b) => (timeOf(a, 'due_at') ?? 0) - (timeOf(b, 'due_at') ?? 0))
    .slice(0, limit as number)
    .map(({ id }) => ({ id }));
};

const takeOutbox: Execute = ({ outbox }, [now, until, limit, kinds]) => {
  const time = Date.parse(now as string);
  const due = [...outbox.values()]
    .filter((row) => (timeOf(row, 'due_at') ?? 0) <= time)
    .filter(({ kind }) => kinds === null || kinds === undefined || (kinds as unknown[]).includes(kind))
    .sort((a, b) => (timeOf(a, 'due_at') ?? 0) - (timeOf(b, 'due_at') ?? 0) || byId(a, b))
    .slice(0, limit as number);
  for (const row of due) {
    outbox.set(row.id as string, { ...row, due_at: Date.parse(until as string) });
  }
  return due.map(({ id, kind, target, body }) => ({ id, kind, target, body: json(body) }));
};

const deleteOutbox: Execute = ({ outbox }, [ids]) => {
  for (const id of ids as string[]) outbox.delete(id);
  return [];
};

const readOwned: Execute = ({ executions }, [workerId], statement) =>
  [...executions.values()]
    .filter((row) => row.worker_id === workerId && isOwned(row))
    .map((row) => selected(statement, row));

const readOrphans: Execute = ({ executions, workers }, [lostFor, stoppedFor, limit], _statement, now) => {
  const isGone = (worker: Columns): boolean =>
    worker.state === 'lost'
      ? (timeOf(worker, 'lost_at') ?? Infinity) <= now - (lostFor as number)
      : !isLiveWorker(worker) && (timeOf(worker, 'last_seen_at') ?? Infinity) < now - (stoppedFor as number);
  return [...executions.values()]
    .filter(isOwned)
    .flatMap((row) => {
      const worker = workers.get(String(row.worker_id));
      if (!worker || !isGone(worker)) return [];
      const { id: workerId, state: workerState } = worker;
      const isSilent =
        workerState === 'lost' && (timeOf(worker, 'lease_until') ?? 0) <= (timeOf(worker, 'lost_at') ?? 0);
      return [{ executionId: row.id, workerId, workerState, isSilent }];
    })
    .slice(0, limit as number);
};

const isOpen = ({ state }: Columns): boolean =>
  state !== 'COMPLETED' && state !== 'FAILED' && state !== 'CANCELLED';

const readEnds: Execute = ({ events }, [id, heard, limit]) =>
  (events.get(id as string) ?? [])
    .filter(({ type }) => type === 'child_finished' || type === 'child_refused')
    .map(({ data, at }) => ({ data: json(data) as Columns, at }))
    .filter(({ data }) => (data.number as number) > (heard as number))
    .slice(0, limit as number);

const readOutputTypes: Execute = ({ executions, events }, [ids]) =>
  (ids as string[]).flatMap((id) => {
    if (executions.get(id)?.state !== 'COMPLETED') return [];
    const { outputTypes } = json(events.get(id)?.at(-1)?.data) as Columns;
    return outputTypes === undefined ? [] : [{ id, outputTypes }];
  });

function json(text: unknown): unknown {
  return JSON.parse(text as string);
}

/** The statements about executions, their histories and the outbox, by name. */
export const EXECUTION_STATEMENTS: Readonly<Record<string, Execute>> = {
  read_rows: readByIds,
  read_rows_with_input: readByIds,
  read_records: readByIds,
  insert_executions: insertExecutions,
  write_changes: writeChanges,
  read_events: readEvents,
  read_replay: readReplay,
  read_states: ({ executions }, [ids]) =>
    (ids as string[]).flatMap((id) => {
      const row = executions.get(id);
      return row ? [{ executionId: id, state: row.state, seq: row.last_event_seq }] : [];
    }),
  read_due: readDue,
  take_outbox: takeOutbox,
  delete_outbox: deleteOutbox,
  consume_outbox: deleteOutbox,
  present_outbox: ({ outbox }, [ids]) =>
    (ids as string[]).filter((id) => outbox.has(id)).map((id) => ({ id })),
  read_owned: readOwned,
  read_orphans: readOrphans,
  read_open_children: ({ executions }, [parent]) =>
    [...executions.values()]
      .filter((row) => row.parent_execution_id === parent && isOpen(row))
      .map(({ id }) => ({ id })),
  read_child_ends: readEnds,
  read_output_types: readOutputTypes,
};
