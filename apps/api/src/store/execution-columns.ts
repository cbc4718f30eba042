import type { Result } from '../lifecycle/change.js';
import type { Children, ExecutionRecord, ExecutionRow } from '../lifecycle/execution.js';
import { dueAt, isoOrNull } from '../lifecycle/timing.js';
import type { Write } from './pending-write.js';
import { millis, type Given, type ParameterType } from './sql.js';

/**
 * The writers that set a column. A start leaves all other columns to the defaults of the table, which a new record
 * has as well.
 */
interface SetBy {
  readonly start?: true;
  /** `once`: the stored value stays where a change has none. */
  readonly change?: true | 'once';
}

interface Column<Value> extends SetBy {
  readonly name: string;
  readonly type: ParameterType;
  /** The type that the column's parameter, a text, is cast to. */
  readonly cast?: 'json' | 'jsonb';
  /** The expression that reads the column. */
  readonly select: string;
  readonly write: (value: Value) => unknown;
  /** Makes the value from a stored one that is not null; absent: the stored one is the value. */
  readonly read?: (stored: never) => Value;
}

const START: SetBy = { start: true };
const CHANGE: SetBy = { change: true };
const BOTH: SetBy = { start: true, change: true };
const RESULT: SetBy = { change: 'once' };

function plain<Value>(name: string, type: ParameterType, by: SetBy): Column<Value> {
  return { name, type, ...by, select: `e.${name}`, write: (value) => value };
}

function time(name: string, by: SetBy): Column<number | null> & Column<number> {
  return { name, type: 'timestamptz', ...by, select: millis(`e.${name}`), write: isoOrNull };
}

function json<Value>(name: string, by: SetBy): Column<Value> {
  const write = (value: Value): string | null => (value == null ? null : JSON.stringify(value));
  return { ...plain<Value>(name, 'text', by), cast: 'json', write };
}

/** The children as the database has kept them since its first version: the body that has ended is called `held`. */
type StoredChildren = Omit<Children, 'endedBody'> & { readonly held: Children['endedBody'] };

const CHILDREN: Column<Children | null> = {
  ...json('children', CHANGE),
  write: (children) => {
    if (!children) return null;
    const { endedBody: held, ...counts } = children;
    return JSON.stringify({ ...counts, held } satisfies StoredChildren);
  },
  read: ({ held, ...counts }: StoredChildren) => ({ ...counts, endedBody: held }),
};

const ROW: { readonly [Key in keyof ExecutionRow]: Column<ExecutionRow[Key]> } = {
  id: plain('id', 'uuid', START),
  workflowName: plain('workflow_name', 'text', START),
  workflowVersion: plain('workflow_version', 'text', CHANGE),
  state: plain('state', 'text', BOTH),
  // Counted up by the statement itself.
  version: plain('version', 'int', {}),
  attempt: plain('attempt', 'int', CHANGE),
  workerId: plain('worker_id', 'text', CHANGE),
  claimId: plain('claim_id', 'text', CHANGE),
  checkpointSeq: plain('checkpoint_seq', 'int', CHANGE),
  lastEventSeq: plain('last_event_seq', 'int', BOTH),
  startedAt: time('started_at', CHANGE),
  finishedAt: time('finished_at', CHANGE),
  timeoutAt: time('timeout_at', BOTH),
  gracePeriodMs: plain('grace_period_ms', 'float8', BOTH),
  cancellation: json('cancellation', CHANGE),
  parking: json('parking', CHANGE),
  parent: json('parent_link', START),
  children: CHILDREN,
  nextDispatchAt: time('next_dispatch_at', BOTH),
  dispatchCount: plain('dispatch_count', 'int', CHANGE),
  runnerLosses: plain('runner_losses', 'int', CHANGE),
};

type RecordKey = Exclude<keyof ExecutionRecord, keyof ExecutionRow>;

const REST: { readonly [Key in RecordKey]: Column<ExecutionRecord[Key]> } = {
  // The column is never null: for no input it has JSON's `null`.
  input: { ...json('input', START), write: (input) => JSON.stringify(input) },
  output: json('output', RESULT),
  error: json('error', RESULT),
  labels: { ...json('labels', START), cast: 'jsonb' },
  parentExecutionId: plain('parent_execution_id', 'uuid', START),
  rootExecutionId: plain('root_execution_id', 'uuid', START),
  createdAt: time('created_at', START),
};

type AnyColumn = Column<unknown>;
type Keyed = readonly [keyof ExecutionRecord, AnyColumn];

const keyed = (columns: object): Keyed[] => Object.entries(columns) as unknown as Keyed[];
const selectionOf = (columns: object): string =>
  keyed(columns)
    .map(([key, { select }]) => (select === `e.${key}` ? select : `${select} AS "${key}"`))
    .join(',\n  ');

/** The properties of an ExecutionRow. */
export const ROW_KEYS = Object.keys(ROW) as ReadonlyArray<keyof ExecutionRow>;

/** The columns of an ExecutionRow, of the table alias `e`. */
export const ROW_COLUMNS = selectionOf(ROW);

/** The columns of an ExecutionRecord, of the table alias `e`. */
export const RECORD_COLUMNS = selectionOf({ ...ROW, ...REST });

/** The properties of an execution that lists show, but for those that may be large: {@link DETAILS} and values. */
const SHOWN = [
  'id',
  'workflowName',
  'workflowVersion',
  'state',
  'attempt',
  'workerId',
  'lastEventSeq',
  'labels',
  'parentExecutionId',
  'rootExecutionId',
  'createdAt',
  'startedAt',
  'finishedAt',
] as const;

/** The properties that may have in them what users sent or their code gave. */
export const DETAILS = ['cancellation', 'parking', 'error'] as const;

export type ShownKey = (typeof SHOWN)[number] | (typeof DETAILS)[number];

/** The columns of a shown execution but for {@link DETAILS}, of the table alias `e`. */
export const SHOWN_COLUMNS = selectionOf(
  Object.fromEntries(SHOWN.map((key) => [key, { ...ROW, ...REST }[key]])),
);

const { input: _input, output: _output, ...BESIDE_VALUES } = REST;

/** The columns of an ExecutionRecord but for its values, of the table alias `e`. */
export const VALUELESS_COLUMNS = selectionOf({ ...ROW, ...BESIDE_VALUES });

const ALL = keyed({ ...ROW, ...REST });
const READ = ALL.filter(([, { read }]) => read);

/** An execution made from a selection of those columns. */
export function fromColumns<Row extends ExecutionRow>(selected: Row): Row {
  let row = selected;
  for (const [key, { read }] of READ) {
    const stored = row[key as keyof Row];
    if (stored != null) row = { ...row, [key]: (read as (stored: unknown) => unknown)(stored) };
  }
  return row;
}

const STARTED = ALL.filter(([, { start }]) => start);
const CHANGED = ALL.filter(([, { change }]) => change);

/** The parts of a write that set columns of an execution. */
type Changed = Pick<Write, 'row' | 'result'>;

function ofChange([key, { name, type, change, write }]: Keyed): Given<Changed> {
  if (change === 'once') return [name, type, ({ result }) => write(result?.[key as keyof Result])];
  return [name, type, ({ row }) => write(row[key as keyof ExecutionRow])];
}

/** What the sweeper looks for, made from the row: SQL does not look into what users wrote. */
const SOUGHT: ReadonlyArray<Given<Changed>> = [
  ['due_at', 'timestamptz', ({ row }) => isoOrNull(dueAt(row))],
  ['delayed_cancel_at', 'timestamptz', ({ row }) => isoOrNull(row.parking?.delayedCancel?.dueAt ?? null)],
];

/**
 * The parameters of a change: the row's id, the version that the change was decided on, and all columns that it sets.
 */
export const CHANGE_COLUMNS: ReadonlyArray<Given<Changed>> = [
  ...keyed({ id: ROW.id, version: ROW.version }).map(ofChange),
  ...CHANGED.map(ofChange),
  ...SOUGHT,
];

const valueOf = (alias: string, { name, cast }: AnyColumn): string =>
  `${alias}.${name}${cast ? `::${cast}` : ''}`;

/** The list of `UPDATE executions e SET`, of a row `change`. */
export const CHANGE_LIST = [
  'version = e.version + 1',
  ...CHANGED.map(([, column]) => {
    const value = valueOf('change', column);
    return `${column.name} = ${column.change === 'once' ? `COALESCE(${value}, e.${column.name})` : value}`;
  }),
  ...SOUGHT.map(([name]) => `${name} = change.${name}`),
].join(',\n    ');

/** The parameters of a start: all columns that it sets. */
export const START_COLUMNS: ReadonlyArray<Given<ExecutionRecord>> = [
  ...STARTED.map(([key, { name, type, write }]): Given<ExecutionRecord> => [
    name,
    type,
    (record) => write(record[key]),
  ]),
  ['due_at', 'timestamptz', (record) => isoOrNull(dueAt(record))],
];

/** The names of those columns, for `INSERT INTO executions`. */
export const START_NAMES = START_COLUMNS.map(([name]) => name).join(', ');

/** The values of those columns, of a row `wanted`, for the `SELECT` of that `INSERT`. */
export const START_VALUES = [...STARTED.map(([, column]) => valueOf('wanted', column)), 'wanted.due_at'].join(
  ', ',
);
