import type { ExecutionRecord, ExecutionRow } from '../../lifecycle/execution.js';
import { OUTBOX_LEASE_MS, type OutboxRow } from '../../lifecycle/messages.js';
import { withValue, type Write } from '../../store/pending-write.js';
import { ChildIdTakenError, type ExecutionStore, type Start } from '../../store/ports.js';
import type { ShownExecution } from '../../store/shown-executions.js';
import { StoredJson } from '../../store/stored-json.js';
import { rowOf } from '../execution-rows.js';
import {
  copy,
  isLive,
  isOpen,
  isOwned,
  stored,
  type MemoryTables,
  type StoredExecution,
  type StoredWorker,
  type Sync,
} from './memory-tables.js';

/** The {@link ExecutionStore} in memory. */
export function memoryExecutions(tables: MemoryTables): Sync<ExecutionStore> {
  const { executions, workers, now } = tables;
  const isDue = (time: number | null): boolean => time !== null && time <= now();
  const all = (): StoredExecution[] => [...executions.values()];
  const byIds = (ids: readonly string[]): StoredExecution[] =>
    [...new Set(ids)].flatMap((id) => executions.get(id) ?? []);
  return {
    now,
    readRows: (ids) => byIds(ids).map(toRow),
    readRowsWithInput: (ids, mostBytes) =>
      byIds(ids).map((row) => {
        const text = JSON.stringify(row.input);
        const isInputLarge = Buffer.byteLength(text) > mostBytes;
        return { ...toRow(row), input: isInputLarge ? null : (JSON.parse(text) as unknown), isInputLarge };
      }),
    readRecords: (ids) => byIds(ids).map(toRecord),
    readAnswers: (ids) => byIds(ids).map((row) => ({ ...toRecord(row), ...storedJsonOf(row) })),
    readShown: (id) => byIds([id]).map(toShown)[0],
    readDetails: (id) => byIds([id]).map(toRecord)[0],
    readValue: (id, name) => JSON.stringify(executions.get(id)?.[name] ?? null),
    readStates: (ids) =>
      byIds(ids).map(({ id, state, lastEventSeq }) => ({ executionId: id, state, seq: lastEventSeq })),
    findByKey: (workflowName, key) =>
      all().find((row) => row.workflowName === workflowName && row.idempotencyKey === key)?.id,
    findDue: (limit, canSend) =>
      all()
        .filter((row) => isDue(row.dueAt) && (canSend || timesWithoutMessage(row).some(isDue)))
        .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0))
        .slice(0, limit)
        .map(({ id }) => id),
    findOpenChildren: (parentId) =>
      all()
        .filter((row) => row.parentExecutionId === parentId && isOpen(row))
        .map(({ id }) => id),
    readOwned: (workerId) =>
      all()
        .filter((row) => row.workerId === workerId && isOwned(row))
        .map(toRow),
    findOrphans: (lostMs, stoppedMs, limit) =>
      all()
        .filter(isOwned)
        .flatMap((row) => {
          const worker = workers.get(row.workerId ?? '');
          if (!worker || !isGone(worker, now() - lostMs, now() - stoppedMs)) return [];
          const { workerId, leaseUntil, lostAt } = worker;
          const workerState = worker.state as 'lost' | 'stopped';
          const isSilent = workerState === 'lost' && leaseUntil <= (lostAt ?? 0);
          return [{ executionId: row.id, workerId, workerState, isSilent }];
        })
        .sort((a, b) => (a.workerState < b.workerState ? -1 : a.workerState > b.workerState ? 1 : 0))
        .slice(0, limit),
    insert: (starts) =>
      new Set(starts.filter((each) => insert(tables, each)).map(({ start }) => start.record.id)),
    write: (writes) => write(tables, writes),
  };
}

/** When an execution is due for a change that needs no message. */
function timesWithoutMessage(row: StoredExecution): (number | null)[] {
  const { state, workerId, parking, timeoutAt, dueAt } = row;
  const deadlineAt = state === 'CANCELLING' && workerId === null ? dueAt : null;
  return [timeoutAt, parking?.delayedCancel?.dueAt ?? null, deadlineAt];
}

function isGone(worker: StoredWorker, lostUntil: number, stoppedUntil: number): boolean {
  if (worker.state === 'lost') return (worker.lostAt ?? Infinity) <= lostUntil;
  return !isLive(worker) && worker.lastSeenAt < stoppedUntil;
}

const toRow = (row: StoredExecution): ExecutionRow => copy(rowOf(row));

function toRecord(row: StoredExecution): ExecutionRecord {
  const { dueAt: _, idempotencyKey: __, ...record } = copy(row);
  return record;
}

/** Every row is `whole`. */
const toShown = (row: StoredExecution): ShownExecution => ({
  ...toRecord(row),
  ...storedJsonOf(row),
  detailBytes: 0,
  whole: true,
});

function storedJsonOf({ input, output }: StoredExecution): Pick<ShownExecution, 'input' | 'output'> {
  const [one, other] = [input, output].map((value) => {
    const text = JSON.stringify(value);
    return new StoredJson(text, text.length);
  });
  return { input: one ?? null, output: output === null ? null : (other ?? null) };
}

/** False where its id or key exists. */
function insert(tables: MemoryTables, { start, run }: Start): boolean {
  const { executions, events } = tables;
  const { record, idempotencyKey, requestedBy } = start;
  const isTaken = (row: StoredExecution): boolean =>
    row.workflowName === record.workflowName && row.idempotencyKey === idempotencyKey;
  if (executions.has(record.id)) return false;
  if (idempotencyKey !== undefined && [...executions.values()].some(isTaken)) return false;
  const { id, createdAt: at, lastEventSeq: seq } = record;
  executions.set(id, stored(record, start));
  events.set(id, [{ seq, type: 'execution_scheduled', at, attempt: 0, data: { requestedBy } }]);
  keep(tables, [run]);
  return true;
}

function keep({ outbox, now }: MemoryTables, rows: readonly OutboxRow[]): void {
  for (const row of rows) outbox.set(row.id, { row: copy(row), dueAt: now() + OUTBOX_LEASE_MS });
}

function write(tables: MemoryTables, writes: readonly Write[]): Set<string> {
  const { executions, outbox } = tables;
  const done = writes.filter(({ row }) => executions.get(row.id)?.version === row.version);
  const children = done.flatMap((each) => each.children);
  if (children.some(({ start }) => executions.has(start.record.id))) {
    throw new ChildIdTakenError('the id of a child is taken');
  }
  for (const each of done) change(tables, each);
  for (const child of children) insert(tables, child);
  for (const { caught } of children) if (caught) change(tables, caught);
  for (const id of done.flatMap((each) => each.consumed)) outbox.delete(id);
  return new Set(done.map(({ row }) => row.id));
}

function change(tables: MemoryTables, write: Write): void {
  const { executions, events } = tables;
  const { row, result } = write;
  const before = executions.get(row.id) as StoredExecution;
  const history = events.get(row.id) ?? [];
  const known = new Set(history.map(({ seq }) => seq));
  const twice = write.events.find(({ seq }) => known.has(seq));
  if (twice) throw new Error(`event ${twice.seq} exists`);
  const { output, error } = before;
  // A row may come with more, as it was read for an answer; a write sets the columns of a row alone.
  const columns = rowOf({ ...before, ...row });
  const after = { ...before, ...columns, output: result?.output ?? output, error: result?.error ?? error };
  executions.set(row.id, stored({ ...after, version: before.version + 1 }, before));
  const valueFrom = (seq: number | undefined): unknown => {
    const source = history.find((event) => event.seq === seq);
    return source?.type === 'resume_kept' ? source.data.value : undefined;
  };
  const written = write.events.map((event) => withValue(event, valueFrom(event.valueFrom)));
  events.set(row.id, [...history, ...copy(written)]);
  keep(tables, write.outbox);
}
