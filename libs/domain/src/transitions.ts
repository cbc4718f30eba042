import { EXECUTION_STATES, type ExecutionState } from './states.js';

/** Everything that can happen to an execution. */
export const TRIGGERS = [
  /** A worker asks to own it. */
  'claim',
  /** The owner records results without ending the execution. */
  'checkpoint',
  /** The body returned. */
  'complete',
  /** The body threw. */
  'fail',
  /** Somebody, or its own timeout, asks for its cancellation. */
  'cancel',
  /** Somebody takes the cancel back. */
  'undo_cancel',
  /** The signal reached its owner. */
  'deliver',
  /** The body ended because of the signal, or was killed at the deadline. */
  'stop',
  /** The deadline passed and no worker holds it: nobody can run its cleanup. */
  'expire',
  /** `ctx.sleep`, long enough to give its place back. */
  'sleep',
  /** The sleep is due. */
  'wake',
  /** `ctx.pause` in its body. */
  'pause',
  /** Somebody asks from outside that it pauses. */
  'request_pause',
  /** Somebody resumes it. */
  'resume',
  /** The owner gives the execution back unfinished: a drain, or a neighbour's runner was killed. */
  'hand_back',
  /** The owner is gone. */
  'lose_owner',
  /** The body calls another workflow. */
  'start_child',
  /** A workflow it called has ended. */
  'finish_child',
] as const;

export type Trigger = (typeof TRIGGERS)[number];

/** Why a trigger is refused. */
type RefusalReason =
  /** Another worker owns it. */
  | 'ALREADY_CLAIMED'
  /** The execution is COMPLETED or FAILED, or CANCELLED where that makes a difference. */
  | 'ALREADY_FINISHED'
  /** A cancel is under way and wins. */
  | 'CANCELLING'
  /** The execution is PAUSED or SLEEPING: no worker runs it. */
  | 'PARKED'
  /** No worker runs it. */
  | 'NOT_RUNNING'
  /** No cancel is under way. */
  | 'NOT_CANCELLING'
  /** The cancel has been signalled, or is over. */
  | 'CANCEL_DELIVERED'
  /** The execution does not sleep. */
  | 'NOT_SLEEPING';

/** The facts that some cells need beyond the state. */
export interface Facts {
  /** A worker has claimed it before: its body may have done something. */
  readonly claimedBefore: boolean;
  /** A worker owns it now. */
  readonly owned: boolean;
  /** The cancel signal had reached the body before it ended. */
  readonly signalled: boolean;
  /** The pause ends by itself: a sleep goes on beside it. */
  readonly timed: boolean;
  /** The execution gave its place back in calls of its body of which one waits for a child. */
  readonly awaitsChild: boolean;
  /** A cancel waits for its delay to pass. */
  readonly delayed: boolean;
  /** The cancel under way has been sent to nobody who could run its body. */
  readonly unsent: boolean;
  /** The execution was SLEEPING when that cancel came. */
  readonly wasSleeping: boolean;
  /** The execution was PAUSED when that cancel came. */
  readonly wasPaused: boolean;
}

export type Transition =
  | { readonly kind: 'move'; readonly to: ExecutionState }
  | { readonly kind: 'refuse'; readonly reason: RefusalReason };

/** A transition that depends on one fact. */
interface Fork {
  readonly kind: 'fork';
  readonly on: keyof Facts;
  readonly yes: Cell;
  readonly no: Cell;
}

export type Cell = Transition | Fork;

const to = (state: ExecutionState): Transition => ({ kind: 'move', to: state });
const refuse = (reason: RefusalReason): Transition => ({ kind: 'refuse', reason });
const fork = (on: keyof Facts, yes: Cell, no: Cell): Fork => ({ kind: 'fork', on, yes, no });

const finished = refuse('ALREADY_FINISHED');
/** The cells of the terminal states where a trigger finds nothing left to do. */
const ended = { COMPLETED: finished, FAILED: finished, CANCELLED: finished };

/** Taking back a cancel that has not begun leaves the execution where it is. */
const unlessDelayed = (state: ExecutionState): Cell => fork('delayed', to(state), refuse('NOT_CANCELLING'));

type Row = Readonly<Record<ExecutionState, Cell>>;

/** The row of a trigger that only a runner under way pulls. */
const ofRunner = (running: Cell, cancelling: Cell): Row => ({
  SCHEDULED: refuse('NOT_RUNNING'),
  RUNNING: running,
  PAUSED: refuse('PARKED'),
  SLEEPING: refuse('PARKED'),
  CANCELLING: cancelling,
  ...ended,
});

/** The row of a trigger that only a cancel under way has. */
const ofCancel = (cancelling: Cell): Row => ({
  SCHEDULED: refuse('NOT_CANCELLING'),
  RUNNING: refuse('NOT_CANCELLING'),
  PAUSED: refuse('NOT_CANCELLING'),
  SLEEPING: refuse('NOT_CANCELLING'),
  CANCELLING: cancelling,
  ...ended,
});

const giveBack = ofRunner(to('SCHEDULED'), to('CANCELLING'));
const park = (parked: 'SLEEPING' | 'PAUSED'): Row => ofRunner(to(parked), refuse('CANCELLING'));
/** A body that ended before the signal reached it tells the truth; after it, the cancel wins. */
const end = (outcome: 'COMPLETED' | 'FAILED'): Row =>
  ofRunner(to(outcome), fork('signalled', to('CANCELLED'), to(outcome)));

/** The effect of each trigger in each state. Every cell is filled; nothing else decides a state. */
export const TRANSITIONS: Readonly<Record<Trigger, Row>> = {
  claim: {
    SCHEDULED: to('RUNNING'),
    RUNNING: refuse('ALREADY_CLAIMED'),
    PAUSED: refuse('PARKED'),
    SLEEPING: refuse('PARKED'),
    // An execution without an owner is claimed to be run up to where it stood and to throw there: run-to-cancel.
    CANCELLING: fork('owned', refuse('ALREADY_CLAIMED'), to('CANCELLING')),
    ...ended,
  },
  checkpoint: ofRunner(to('RUNNING'), to('CANCELLING')),
  complete: end('COMPLETED'),
  fail: end('FAILED'),
  cancel: {
    SCHEDULED: fork('claimedBefore', to('CANCELLING'), to('CANCELLED')),
    RUNNING: to('CANCELLING'),
    // Paused before any worker had it: no body may begin after the cancel was answered.
    PAUSED: fork('claimedBefore', to('CANCELLING'), to('CANCELLED')),
    SLEEPING: to('CANCELLING'),
    CANCELLING: to('CANCELLING'),
    COMPLETED: finished,
    FAILED: finished,
    CANCELLED: to('CANCELLED'),
  },
  undo_cancel: {
    SCHEDULED: unlessDelayed('SCHEDULED'),
    RUNNING: unlessDelayed('RUNNING'),
    PAUSED: unlessDelayed('PAUSED'),
    SLEEPING: unlessDelayed('SLEEPING'),
    CANCELLING: fork(
      'unsent',
      fork('wasSleeping', to('SLEEPING'), fork('wasPaused', to('PAUSED'), to('SCHEDULED'))),
      refuse('CANCEL_DELIVERED'),
    ),
    COMPLETED: finished,
    FAILED: finished,
    CANCELLED: refuse('CANCEL_DELIVERED'),
  },
  deliver: ofCancel(to('CANCELLING')),
  stop: ofCancel(to('CANCELLED')),
  expire: ofCancel(fork('owned', refuse('ALREADY_CLAIMED'), to('CANCELLED'))),
  sleep: park('SLEEPING'),
  wake: {
    SCHEDULED: refuse('NOT_SLEEPING'),
    RUNNING: refuse('NOT_SLEEPING'),
    PAUSED: fork('timed', to('SCHEDULED'), refuse('NOT_SLEEPING')),
    SLEEPING: to('SCHEDULED'),
    CANCELLING: refuse('CANCELLING'),
    ...ended,
  },
  pause: park('PAUSED'),
  request_pause: {
    SCHEDULED: to('PAUSED'),
    // The owner parks it at its next call.
    RUNNING: to('RUNNING'),
    PAUSED: to('PAUSED'),
    SLEEPING: to('PAUSED'),
    CANCELLING: refuse('CANCELLING'),
    ...ended,
  },
  resume: {
    // A resume that comes before its pause is kept for it.
    SCHEDULED: to('SCHEDULED'),
    RUNNING: to('RUNNING'),
    PAUSED: to('SCHEDULED'),
    SLEEPING: to('SLEEPING'),
    CANCELLING: refuse('CANCELLING'),
    ...ended,
  },
  hand_back: giveBack,
  lose_owner: giveBack,
  // Recorded in CANCELLING too, so that the cancel under way reaches the child.
  start_child: ofRunner(to('RUNNING'), to('CANCELLING')),
  finish_child: {
    SCHEDULED: to('SCHEDULED'),
    RUNNING: to('RUNNING'),
    // Paused by its own `ctx.pause`, beside which it waits for a child: that may end the pause.
    PAUSED: fork('awaitsChild', to('SCHEDULED'), to('PAUSED')),
    // A sleeper that waits for no child hears of it when it wakes.
    SLEEPING: fork('awaitsChild', to('SCHEDULED'), to('SLEEPING')),
    CANCELLING: to('CANCELLING'),
    ...ended,
  },
};

/** Moves an execution from `state` by `trigger`, given `facts`. Pure; total over its arguments. */
export function transition(state: ExecutionState, trigger: Trigger, facts: Facts): Transition {
  let cell = TRANSITIONS[trigger][state];
  while (cell.kind === 'fork') cell = facts[cell.on] ? cell.yes : cell.no;
  return cell;
}

/** The states in which `trigger` can be taken, whatever the facts; the guards of SQL statements are made from it. */
export function statesAccepting(trigger: Trigger): ExecutionState[] {
  return EXECUTION_STATES.filter((state) => isAccepted(TRANSITIONS[trigger][state]));
}

/** The states that are not `to` and that `trigger` takes there, given `facts`; for SQL that does what one cell says. */
export function statesLeadingTo(to: ExecutionState, trigger: Trigger, facts: Facts): ExecutionState[] {
  return EXECUTION_STATES.filter((state) => {
    const result = transition(state, trigger, facts);
    return state !== to && result.kind === 'move' && result.to === to;
  });
}

function isAccepted(cell: Cell): boolean {
  return cell.kind === 'fork' ? isAccepted(cell.yes) || isAccepted(cell.no) : cell.kind === 'move';
}
