/** The states of an attempt at the worker that claimed it. */
export const ATTEMPT_STATES = [
  /** The body runs, or will once its history is there. */
  'running',
  /** The cancel's signal has been sent; its deadline stands. */
  'signalled',
  /** The deadline has passed, and the runner is being killed. */
  'expiring',
  /** The body has ended in a runner of its own. The end is told once that runner, and all it has started, is dead. */
  'closing',
  /** The code is over, and the last event is on the way to the api. */
  'ended',
  /** Another worker may own the execution, whose code is being stopped here. */
  'fenced',
  /** There is nothing left to do. */
  'over',
] as const;

export type AttemptState = (typeof ATTEMPT_STATES)[number];

/** Everything that can happen to an attempt. */
export const ATTEMPT_TRIGGERS = [
  /** A cancel is to be obeyed. */
  'cancel',
  /** The body is to hear of a pause, or of the end of a child. */
  'tell',
  /** The deadline of the cancel passes. */
  'deadline',
  /** The runner says that the body has ended. */
  'body_end',
  /** The runner is dead, or there was none for the attempt. */
  'runner_death',
  /** The api is to hear of an event. */
  'report',
  /** The broker has the last event. */
  'last_confirm',
  /** The api says that another attempt owns the execution. */
  'fence',
  /** The worker can no longer be sure of owning anything. */
  'lose_ownership',
] as const;

export type AttemptTrigger = (typeof ATTEMPT_TRIGGERS)[number];

/** Why a trigger is refused. */
type AttemptRefusal =
  /** No cancel has been signalled. */
  | 'NOT_SIGNALLED'
  /** The runner is being killed at the deadline. */
  | 'EXPIRING'
  /** The body has ended already. */
  | 'ENDED'
  /** The body has not ended. */
  | 'NOT_ENDED'
  /** Another worker may own the execution. */
  | 'FENCED'
  /** There is nothing left to do. */
  | 'OVER';

export type AttemptTransition =
  | { readonly kind: 'move'; readonly to: AttemptState }
  | { readonly kind: 'refuse'; readonly reason: AttemptRefusal };

/** A transition that depends on whether the runner runs nothing else, and dies with the attempt. */
interface Fork {
  readonly kind: 'fork';
  readonly own: AttemptTransition;
  readonly shared: AttemptTransition;
}

const to = (state: AttemptState): AttemptTransition => ({ kind: 'move', to: state });
const refuse = (reason: AttemptRefusal): AttemptTransition => ({ kind: 'refuse', reason });
const fork = (own: AttemptTransition, shared: AttemptTransition): Fork => ({ kind: 'fork', own, shared });

const bodyEnds = fork(to('closing'), to('ended'));
const fenced = refuse('FENCED');
const over = refuse('OVER');
/** The cells of a trigger that is for a body, once the body has ended or is being stopped. */
const pastBody = { closing: refuse('ENDED'), ended: refuse('ENDED'), fenced, over };
const beforeEnd = refuse('NOT_ENDED');
/** The cells of a trigger that stops the code of an attempt. */
const stops = {
  running: to('fenced'),
  signalled: to('fenced'),
  expiring: to('fenced'),
  closing: to('fenced'),
};

/** The effect of each trigger in each state. Every cell is filled, and nothing else decides the state of an attempt. */
export const ATTEMPT_TRANSITIONS: Readonly<
  Record<AttemptTrigger, Readonly<Record<AttemptState, AttemptTransition | Fork>>>
> = {
  cancel: {
    running: to('signalled'),
    // A repeat can bring the deadline nearer.
    signalled: to('signalled'),
    expiring: refuse('EXPIRING'),
    ...pastBody,
  },
  tell: {
    running: to('running'),
    signalled: to('signalled'),
    expiring: refuse('EXPIRING'),
    ...pastBody,
  },
  deadline: {
    running: refuse('NOT_SIGNALLED'),
    signalled: to('expiring'),
    expiring: refuse('EXPIRING'),
    ...pastBody,
  },
  body_end: {
    running: bodyEnds,
    signalled: bodyEnds,
    // An end that the body reported before the kill reached its runner is the truth.
    expiring: bodyEnds,
    closing: refuse('ENDED'),
    ended: refuse('ENDED'),
    fenced: fork(to('fenced'), to('over')),
    over,
  },
  runner_death: {
    running: to('ended'),
    signalled: to('ended'),
    expiring: to('ended'),
    closing: to('ended'),
    ended: refuse('ENDED'),
    fenced: to('over'),
    over,
  },
  report: {
    running: to('running'),
    signalled: to('signalled'),
    expiring: to('expiring'),
    closing: to('closing'),
    ended: to('ended'),
    fenced,
    over,
  },
  last_confirm: {
    running: beforeEnd,
    signalled: beforeEnd,
    expiring: beforeEnd,
    closing: beforeEnd,
    ended: to('over'),
    fenced,
    over,
  },
  fence: {
    ...stops,
    // The api drops the words of an attempt that is not the owner.
    ended: refuse('ENDED'),
    fenced,
    over,
  },
  lose_ownership: {
    ...stops,
    // The last event was dropped, with all that the worker had not told yet.
    ended: to('over'),
    fenced,
    over,
  },
};

/** The effect of `trigger` on an attempt in `state`, with a runner of its own or not. Pure; total over its arguments. */
export function attemptTransition(
  state: AttemptState,
  trigger: AttemptTrigger,
  hasOwnRunner: boolean,
): AttemptTransition {
  const cell = ATTEMPT_TRANSITIONS[trigger][state];
  if (cell.kind !== 'fork') return cell;
  return hasOwnRunner ? cell.own : cell.shared;
}
