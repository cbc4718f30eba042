import type { Script } from './scripted-workflow.js';

export const WORKERS = ['worker 0', 'worker 1'] as const;
/** Whichever worker owns one of the executions at that moment: the first, second or third of them, and round again. */
export const OWNERS = ['owner 0', 'owner 1', 'owner 2'] as const;

export type WorkerPlace = (typeof WORKERS)[number];
/** A process or server that there is; `api` and the workers each have one link to the broker. */
export type FixedPlace = 'api' | WorkerPlace;
export type WorkerTarget = WorkerPlace | (typeof OWNERS)[number];
/** The process or link that a command is about. */
export type Place = 'api' | WorkerTarget;

const HINTS = ['run', 'offer', 'cancel', 'pause', 'child', 'fence'] as const;
const QUEUED = ['run', 'cancel', 'claim', 'checkpoints'] as const;

/** The mishaps that may befall the next message of a type, each with these types. */
export const MISHAPS = {
  /** Hints, questions and answers may be lost. A confirmed checkpoint is not, as the broker has it on disk. */
  drop: [...HINTS, 'claim', 'heartbeat', 'register', 'reply'],
  duplicate: [...HINTS, 'claim', 'checkpoints', 'heartbeat'],
  redeliver: QUEUED,
  /** The queue that the message comes to rests for a while, with all that is in it. */
  delay: QUEUED,
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

/** The fault that befalls a statement. */
export interface PlannedFault {
  readonly do: 'fail database' | 'crash api';
  readonly when: 'before' | 'after';
  /**
   * The statements that the fault chooses among: all, or those that write to executions. `skips` of them go well
   * first.
   */
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
 * An act of callers, operators or misfortune. `of` is the number of an execution, counted from the eldest on and
 * round again.
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
  /** Its checkpoints go nowhere any more, while it lives and hears. */
  | At<'mute', WorkerTarget>
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
   * The choices among the events that could happen next, taken one after the other, and from the start again. A 0 is
   * the event that has waited longest; an empty list counts as zeros.
   */
  readonly picks: readonly number[];
  /** Whether the api has been up long enough to judge workers by its pings. */
  readonly settled: boolean;
  readonly commands: readonly Command[];
}
