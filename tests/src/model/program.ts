import type { Script } from './scripted-workflow.js';

export const WORKERS = ['worker 0', 'worker 1'] as const;
/** Whichever worker owns one of the executions at that moment: the first, second or third of them, and round again. */
export const OWNERS = ['owner 0', 'owner 1', 'owner 2'] as const;

export type WorkerPlace = (typeof WORKERS)[number];
/** A process or server that there is; `api` and the workers each have one link to the broker. */
export type FixedPlace = 'api' | WorkerPlace;
export type WorkerTarget = WorkerPlace | (typeof OWNERS)[number];
/** Which process or link a command is about. */
export type Place = 'api' | WorkerTarget;

/** What may be lost: hints, questions and answers. A confirmed checkpoint is not, as the broker has it on disk. */
export const LOSABLE = [
  'run',
  'offer',
  'cancel',
  'pause',
  'child',
  'fence',
  'claim',
  'heartbeat',
  'register',
  'reply',
] as const;
export const REPEATABLE = [
  'run',
  'offer',
  'cancel',
  'pause',
  'child',
  'fence',
  'claim',
  'checkpoints',
  'heartbeat',
] as const;
export const REDELIVERABLE = ['run', 'cancel', 'claim', 'checkpoints'] as const;
/** The queue that the next message of the type comes to may rest for a while, with all that is in it. */
export const DELAYABLE = ['run', 'cancel', 'claim', 'checkpoints'] as const;

/** What may befall the next message of a type, and of which types. */
export const MISHAPS = {
  drop: LOSABLE,
  duplicate: REPEATABLE,
  redeliver: REDELIVERABLE,
  delay: DELAYABLE,
} as const;
export type Mishap = keyof typeof MISHAPS;
export type MessageType = (typeof MISHAPS)[Mishap][number];

export interface PlannedMishap {
  readonly do: 'mishap';
  readonly what: Mishap;
  readonly to: MessageType;
  /** How long a queue rests. */
  readonly ms?: number;
}

/** What befalls a statement. */
export interface PlannedFault {
  readonly do: 'fail database' | 'crash api';
  readonly when: 'before' | 'after';
  /** Of all statements, or of those that write to executions; `skips` of them go well first. */
  readonly among: 'all' | 'writes';
  readonly skips: number;
}

interface At<Do extends string, Where extends Place> {
  readonly do: Do;
  readonly place: Where;
}

/** Starts an execution, unless there are enough. */
export interface Start {
  readonly do: 'start';
  readonly script: Script;
}

/**
 * One thing that callers, operators or misfortune do. `of` is an execution: those that there are, counted from the eldest
 * on and round again.
 */
export type Command =
  | Start
  | { readonly do: 'cancel'; readonly of: number; readonly force: boolean; readonly syncMs: number | null }
  | { readonly do: 'cancel later'; readonly of: number; readonly delayMs: number }
  | { readonly do: 'undo' | 'pause' | 'resume' | 'status'; readonly of: number }
  /** Lets time pass, with whatever happens in it. */
  | { readonly do: 'elapse'; readonly ms: number }
  | PlannedMishap
  /** SIGKILL */
  | At<'kill', Place>
  | At<'restart', FixedPlace>
  /** SIGTERM */
  | At<'close', WorkerTarget>
  /** SIGSTOP and SIGCONT */
  | At<'freeze', WorkerTarget>
  | At<'thaw', WorkerPlace>
  | At<'break runner', WorkerTarget>
  | { readonly do: 'restart broker' }
  /** The connection is reset, and both ends know. */
  | At<'reset link', Place>
  /** Nothing goes through for a while. */
  | (At<'stall link', Place> & { readonly ms: number })
  /** Nothing goes through any more; each end finds out in its own time. */
  | (At<'cut link', Place> & { readonly brokerMs: number; readonly processMs: number })
  /** A statement loses its connection, before it was executed or after. */
  | (PlannedFault & { readonly do: 'fail database' })
  /** The api dies of a statement, before that was executed or after. */
  | (PlannedFault & { readonly do: 'crash api' });

/** A program is data alone: played twice it is the same run twice. */
export interface Program {
  /**
   * Of what could happen next, which does: taken one after the other, and from the start again. 0 is what has waited
   * longest; none at all are zeros.
   */
  readonly picks: readonly number[];
  /** Whether the api has been up long enough to judge workers by its pings. */
  readonly settled: boolean;
  readonly commands: readonly Command[];
}
