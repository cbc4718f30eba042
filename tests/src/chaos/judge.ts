import { readFileSync } from 'node:fs';
import { faultsOf, finalAfter, type Told } from '../promises/lab.js';
import { differing, type Cancelled } from '../promises/random-cancels.js';
import type { Away } from './away.js';
import { LEASE_MS, LONGEST_OUTAGE_MS, type Thaw } from './blows.js';

/** The bound of a cancel beyond its grace period. */
export const BOUND_MS = LEASE_MS + 5_000;
/** How long a line of code may go on that a frozen process was in. */
const WAKING_MS = 1_000;
/** A change waits for what was away, and comes this long after at most. */
const RECOVERY_MS = 2_000;

/** An execution that was cancelled, and how. */
export interface Wish extends Cancelled {
  readonly graceMs: number;
  readonly forced: boolean;
}

export interface Judged {
  readonly told: readonly Told[];
  readonly wishes: ReadonlyMap<string, Wish>;
  readonly away: Away;
  readonly thawed: readonly Thaw[];
  /** The file of the lines that code has left. */
  readonly file: string;
  readonly leniency: Leniency;
}

/** A machine may be so busy that workers lose what they run for want of time, and everything is late. */
export interface Leniency {
  /** The most owners that a cancel may lose and count. */
  readonly mostLosses: number;
  /** How late everything may be. */
  readonly lateMs: number;
}

/** Of what must not be, each kind with the lines that tell of it. */
export type Verdict = ReadonlyArray<readonly [string, readonly string[]]>;

/** The lines that code has left after the end of its execution, but for what a process may do that wakes. */
function lateLines({ file, told, thawed }: Judged): string[] {
  const ends = new Map(
    told.map(({ execution }) => [execution.executionId, Date.parse(execution.finishedAt ?? '')]),
  );
  const isWaking = (at: number): boolean =>
    thawed.some((thaw) => at >= thaw.at - 50 && at <= thaw.at + WAKING_MS);
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => {
      const [at = '', id = ''] = line.split(' ');
      return Number(at) > (ends.get(id) ?? Infinity) && !(line.endsWith('step ends') && isWaking(Number(at)));
    });
}

/** How often an owner was lost, or gave the execution back, after its cancel. */
function lossesIn(events: Told['events']): number {
  const asked = events.findIndex(({ type }) => type === 'cancel_requested');
  const after = events.slice(asked);
  return after.filter(({ type }) => type === 'worker_lost' || type === 'execution_handed_back').length;
}

/** When a cancel has to be over, in milliseconds since 1970; `undefined` for what was not cancelled. */
function boundOf({ execution: { executionId, cancellation } }: Told, { wishes }: Judged): number | undefined {
  const { graceMs = 0, forced = false } = wishes.get(executionId) ?? {};
  return cancellation ? Date.parse(cancellation.requestedAt) + (forced ? 0 : graceMs) + BOUND_MS : undefined;
}

/** The cancels that ended beyond their bound, with by how much; what was away at the end has kept them waiting. */
function beyondBound(judged: Judged): string[] {
  return judged.told.flatMap((each) => {
    const { executionId, state, cancellation } = each.execution;
    const bound = boundOf(each, judged);
    if (bound === undefined || state !== 'CANCELLED') return [];
    const end = Date.parse(cancellation?.finalizedAt ?? '');
    const overMs = end - bound - judged.leniency.lateMs - judged.away.msIn(bound - RECOVERY_MS, end);
    return overMs > 0
      ? [`${executionId}: ended ${overMs} ms beyond its bound, ${finalAfter(each.execution)} ms after`]
      : [];
  });
}

const isBegun = ({ execution: { state, attempt } }: Told): boolean => state === 'CANCELLED' && attempt > 0;

/** Whether so much was away in the time of a cancel, or so many owners were lost, as no blow intends. */
function isUnfair(each: Told, judged: Judged): boolean {
  if (lossesIn(each.events) > judged.leniency.mostLosses) return true;
  const from = Date.parse(each.execution.cancellation?.requestedAt ?? '');
  return judged.away.msIn(from, boundOf(each, judged) ?? from) > LONGEST_OUTAGE_MS;
}

/** The executions that had begun and nobody cleaned up, though nobody asked for that. */
function notRun(judged: Judged): string[] {
  return judged.told.filter(isBegun).flatMap((each) => {
    const { execution, events } = each;
    const isMeant = judged.wishes.get(execution.executionId)?.forced;
    if (isMeant || execution.cancellation?.cleanup !== 'not_run') return [];
    if (isUnfair(each, judged)) return [];
    const story = events.map(({ at, type }) => `${at.slice(14, -1)} ${type}`).join(', ');
    return [`${execution.executionId}: not_run: ${story}`];
  });
}

/** What was wrong. */
export function verdictOf(judged: Judged): Verdict {
  const { told, wishes } = judged;
  const ended = told.filter(({ execution }) => execution.finishedAt !== null);
  const begun = ended.filter(isBegun);
  const open = told.flatMap(({ execution }) =>
    execution.finishedAt ? [] : [`${execution.executionId}: stuck`],
  );
  const fair = begun.filter((each) => !isUnfair(each, judged));
  const unfair = begun.length - fair.length;
  const but = unfair > 0 ? `, but for ${unfair} that servers or the machine left no time` : '';
  return [
    [`not_run, of ${fair.length} cancels of executions that had begun${but}`, notRun(judged)],
    [`lost, of ${wishes.size} cancels: the answer is not borne out`, differing([...wishes.values()], told)],
    [`stuck, of ${told.length} executions`, open],
    ['late: cancels that ended beyond their bound', beyondBound(judged)],
    ['lines of code after the end of their execution', lateLines(judged)],
    ['faults in histories', faultsOf(ended)],
  ];
}
