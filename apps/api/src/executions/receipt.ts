import type { ErrorInfo, ExecutionReceipt, HistoryEvent, HistoryEventType } from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import type { Sql } from '../database/database.js';
import type { HistoryStore } from '../store/ports.js';
import { countEvents, findMadeAgain, readPart, type ReceiptRow } from '../store/receipt-parts.js';
import type { KnownExecution } from './resource.js';

/** What is read of each event: all of most that are no result, and of a result at least its call. */
const CHARACTERS = 4_000;
const LONGEST_MESSAGE = 300;
const CALL = /^\{"callId":("(?:[^"\\]|\\.)*"),"name":("(?:[^"\\]|\\.)*")/;

export interface ReceiptWish {
  /** Of each part. */
  readonly limit: number;
  /** Only what was recorded after the event with this number. */
  readonly afterSeq: number;
}

interface ReceiptParts {
  readonly sql: Sql;
  readonly histories: Pick<HistoryStore, 'readBegun'>;
  readonly known: KnownExecution;
  readonly wish: ReceiptWish;
}

type Part = Pick<ExecutionReceipt['completed'], 'count' | 'nextCursor'> & { readonly rows: ReceiptRow[] };

/** Makes the receipt of an execution of its history, of which no value is read. */
export async function makeReceipt({ sql, histories, known, wish }: ReceiptParts): Promise<ExecutionReceipt> {
  const { executionId, workflowName, state, attempt, createdAt, startedAt, finishedAt } = known;
  const counts = await countEvents(sql, executionId);
  const partOf = async (...types: HistoryEventType[]): Promise<Part> => {
    const count = types.reduce((sum, type) => sum + (counts.get(type)?.count ?? 0), 0);
    const { afterSeq: after, limit } = wish;
    const found =
      count === 0
        ? []
        : await readPart(sql, executionId, { types, after, most: limit + 1, characters: CHARACTERS });
    const rows = found.slice(0, limit);
    return { count, rows, nextCursor: found.length > limit ? String(rows.at(-1)?.seq) : null };
  };
  const completed = await partOf('task_completed');
  const failed = await partOf('task_failed');
  const undone = await partOf('rollback_finished');
  const cutOff = await partOf('task_interrupted');
  const programs = await partOf('program_ended');
  const lostOwners = await partOf('worker_lost', 'execution_handed_back');
  const begun = isTerminal(state) ? undefined : await histories.readBegun([{ executionId, attempt }]);
  const underWay = begun?.get(executionId) ?? [];
  const again = await findMadeAgain(
    sql,
    executionId,
    cutOff.rows.map(({ seq }) => seq),
  );
  return {
    executionId,
    workflowName,
    state,
    isOver: isTerminal(state),
    attempt,
    createdAt,
    startedAt,
    finishedAt,
    cancellation: withoutResult(known),
    completed: pageOf(completed, taskOf),
    failed: pageOf(failed, (row) => ({ ...taskOf(row), error: errorOf(row) ?? UNKNOWN })),
    undone: {
      ...pageOf(undone, (row) => ({ ...taskOf(row), error: errorOf(row) })),
      failures: counts.get('rollback_finished')?.failures ?? 0,
    },
    cutOff: pageOf(cutOff, (row) => {
      const data = JSON.parse(row.head) as HistoryEvent<'task_interrupted'>['data'];
      return { ...timesOf(row), ...data, madeAgain: again.has(row.seq) };
    }),
    programs: pageOf(programs, (row) => {
      const data = JSON.parse(row.head) as HistoryEvent<'program_ended'>['data'];
      return { ...timesOf(row), ...data };
    }),
    underWay: { count: underWay.length, items: underWay.slice(0, wish.limit) },
    lostOwners: pageOf(lostOwners, (row) => ({ ...timesOf(row), ...ownerOf(row) })),
  };
}

const UNKNOWN: ErrorInfo = { name: 'Error', message: 'too large for a receipt: the history has it' };

function pageOf<T>({ rows, ...part }: Part, toItem: (row: ReceiptRow) => T) {
  return { ...part, items: rows.map(toItem) };
}

function withoutResult({ cancellation }: KnownExecution): ExecutionReceipt['cancellation'] {
  if (!cancellation) return null;
  const { bodyOutput: _output, bodyError: _error, ...rest } = cancellation;
  return rest;
}

function timesOf({ seq, at, attempt }: ReceiptRow) {
  return { seq, at: new Date(at).toISOString(), attempt };
}

/** The call stands first in the data. */
function taskOf(row: ReceiptRow) {
  const [, callId = '""', name = '""'] = CALL.exec(row.head) ?? [];
  return { ...timesOf(row), callId: JSON.parse(callId) as string, name: JSON.parse(name) as string };
}

/** The error of a failed task or rollback, in short, of as much of the data as was read; `null` for none. */
function errorOf({ head }: ReceiptRow): ErrorInfo | null {
  const [, error] = head.split('"error":', 2);
  if (error === undefined) return UNKNOWN;
  if (error.startsWith('null')) return null;
  const [name, message] = ['name', 'message'].map((field) => textIn(error, field));
  return message === undefined
    ? UNKNOWN
    : { name: name ?? 'Error', message: message.slice(0, LONGEST_MESSAGE) };
}

/** The first text with that key; `undefined` where it does not end. */
function textIn(json: string, key: string): string | undefined {
  const [, text] = new RegExp(`"${key}":("(?:[^"\\\\]|\\\\.)*")`).exec(json) ?? [];
  return text === undefined ? undefined : (JSON.parse(text) as string);
}

function ownerOf({ type, head }: ReceiptRow) {
  const data = JSON.parse(head) as HistoryEvent<'worker_lost' | 'execution_handed_back'>['data'];
  const { workerId, reason = 'lost' as const } = data;
  const cause = type === 'execution_handed_back' && 'cause' in data ? data.cause : undefined;
  return { workerId, why: reason, ...(cause && { cause }) };
}
