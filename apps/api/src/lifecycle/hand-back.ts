import type { CheckpointEvent, ErrorInfo, FinishedEvent, HistoryEvent } from '@flux/contracts';
import {
  countRunnerLoss,
  countWorkerLoss,
  forgiveWorkerLoss,
  isLossLimit,
  isPast,
  isTerminal,
  transition,
} from '@flux/domain';
import { followed, type Change, type NewEvent } from './change.js';
import { factsOf, type ExecutionRow } from './execution.js';
import { applyFinish } from './finish.js';
import { fenceMessages, urgentMessages } from './messages.js';
import { dispatched } from './requeue.js';
import { fenceAt, orphaned } from './timing.js';
import { parkingOf, pausedIfAsked } from './waiting.js';

type HandBack = Extract<CheckpointEvent, { type: 'handed_back' }>;
type Return = Omit<HistoryEvent<'execution_handed_back'>['data'], 'workerId'>;

/**
 * The owner gives it back: for another one to run, or, once its runners have died of it again and again, for nobody: it
 * has failed, or its cleanup has.
 */
export function applyReturn(
  progress: Change,
  event: HandBack,
  workerId: string,
  now: number,
): Change | undefined {
  const { cause } = event;
  const runnerLosses = countRunnerLoss(progress.row.runnerLosses, event.died, cause?.code);
  const counted = { ...progress, row: { ...progress.row, runnerLosses } };
  if (!isLossLimit(runnerLosses)) return applyHandBack(counted, event, workerId, now);
  const { row } = counted;
  const returned = followed(counted, { row, events: [handedBack(row, event, workerId, now)] });
  return applyFinish(returned, endOf(row.state === 'CANCELLING', event), now);
}

function endOf(cancelling: boolean, { at, cause }: HandBack): FinishedEvent {
  const error: ErrorInfo = {
    code: 'RUNNER_LOST',
    name: 'RunnerLostError',
    message:
      'its runner died again and again without a new result: ' +
      (cause
        ? `at last of ${cause.code ?? 'an error'}: ${cause.message}`
        : "the workflow runs out of memory, ends its process, or crashes in native code; the workers' logs tell which"),
  };
  return {
    type: 'finished',
    outcome: cancelling ? 'cancelled' : 'failed',
    signalled: cancelling,
    output: null,
    error: cancelling ? null : error,
    cleanup: cancelling ? 'failed' : null,
    cleanupError: cancelling ? error : null,
    forced: false,
    at,
  };
}

/** The owner gives it back: another worker runs it, or runs its cleanup. */
function applyHandBack(progress: Change, event: HandBack, workerId: string, now: number): Change | undefined {
  const { row } = progress;
  const move = transition(row.state, 'hand_back', factsOf(row));
  if (move.kind === 'refuse') return undefined;
  const events = [handedBack(row, event, workerId, now)];
  const change = followed(progress, { ...dispatched({ ...row, state: move.to }, now), events });
  return pausedIfAsked(change, parkingOf(row).pauseAsked, now);
}

function handedBack(row: ExecutionRow, { reason, cause }: Return, workerId: string, now: number): NewEvent {
  const data = { reason, workerId, ...(cause && { cause }) };
  return { type: 'execution_handed_back', at: now, attempt: row.attempt, data };
}

/** An execution whose owner holds it no more. */
export interface Orphan {
  readonly executionId: string;
  readonly workerId: string;
  /** The attempt that was lost; absent: whichever that worker owns. */
  readonly attempt?: number;
  /** The claim that was lost; absent: whichever. */
  readonly claimId?: string;
  /** `stopped`: it went in good order; `cut_off`: it is here, and has stopped the execution by itself. */
  readonly workerState: 'lost' | 'stopped' | 'cut_off';
  /**
   * A worker that was lost because its lease ran out may be there all the same: frozen, and a consumer still. False: its
   * control queue is gone, as it is when a worker dies.
   */
  readonly isSilent?: boolean;
}

const REASONS = { stopped: 'drain', cut_off: 'cut_off' } as const;

/** A task that has begun, as its event has it. */
export type BegunTask = HistoryEvent<'task_started'>['data'];

/** The tasks that the lost owner had begun and not told the end of. */
function cutOff({ attempt }: ExecutionRow, tasks: readonly BegunTask[], now: number): NewEvent[] {
  return tasks.map((task) => ({
    type: 'task_interrupted',
    at: now,
    attempt,
    data: { ...task, how: 'owner_lost' },
  }));
}

/**
 * Takes an execution back from an owner that is gone, for another one. Pure; nothing more if it owns it no more.
 * @param begun its tasks without an end on record
 */
export function decideLoss(
  row: ExecutionRow | undefined,
  orphan: Orphan,
  now: number,
  begun: readonly BegunTask[] = [],
): Change | null {
  if (row?.workerId !== orphan.workerId) return forgiven(row, orphan);
  if (orphan.attempt !== undefined && orphan.attempt !== row.attempt) return null;
  if (orphan.claimId !== undefined && orphan.claimId !== row.claimId) return null;
  const { workerId, workerState, isSilent } = orphan;
  const lost = workerState === 'lost';
  const move = transition(row.state, lost ? 'lose_owner' : 'hand_back', factsOf(row));
  if (move.kind === 'refuse') return null;
  const event: NewEvent = lost
    ? { type: 'worker_lost', at: now, attempt: row.attempt, data: { workerId } }
    : handedBack(row, { reason: REASONS[workerState] }, workerId, now);
  const runnerLosses = isSilent === false ? countWorkerLoss(row.runnerLosses) : row.runnerLosses;
  const sent = dispatched({ ...row, state: move.to, runnerLosses }, now);
  const isOrphan = lost && sent.outbox.length > 0;
  const waiting = isOrphan ? orphaned(sent.row, now) : sent.row;
  const outbox = isOrphan && isSilent ? urgentMessages(sent.row) : sent.outbox;
  const change = { row: waiting, outbox, events: [...cutOff(row, begun, now), event] };
  return pausedIfAsked(change, parkingOf(row).pauseAsked, now);
}

/** A worker that was taken for dead is here, and says what it held: it had only been cut off. */
function forgiven(row: ExecutionRow | undefined, { workerState, attempt }: Orphan): Change | null {
  if (!row || isTerminal(row.state) || workerState !== 'cut_off' || attempt === undefined) return null;
  const runnerLosses = forgiveWorkerLoss(row.runnerLosses);
  if (runnerLosses === row.runnerLosses || row.attempt < attempt) return null;
  return { row: { ...row, runnerLosses }, events: [], outbox: [] };
}

/**
 * Takes a cancelled execution from an owner that answers and never tells of the end: whatever it tells later is refused. It
 * is told to stop, and the cancel ends once it must have. Pure; nothing before its time.
 * @param begun its tasks without an end on record
 */
export function decideFence(
  row: ExecutionRow,
  leaseMs: number,
  now: number,
  begun: readonly BegunTask[] = [],
): Change | null {
  const { workerId, cancellation, attempt } = row;
  const move = transition(row.state, 'lose_owner', factsOf(row));
  if (move.kind === 'refuse' || workerId === null || !cancellation) return null;
  if (!isPast(fenceAt(row, leaseMs) ?? Number.POSITIVE_INFINITY, now)) return null;
  const fenced = { ...row, state: move.to, workerId: null, claimId: null, nextDispatchAt: null };
  return {
    row: { ...fenced, cancellation: { ...cancellation, fencedAt: now } },
    events: [
      ...cutOff(row, begun, now),
      { type: 'worker_lost', at: now, attempt, data: { workerId, reason: 'unreported' } },
    ],
    outbox: fenceMessages(row),
  };
}
