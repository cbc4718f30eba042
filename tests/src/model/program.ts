import type { Script } from './scripted-workflow.js';

/** Which process or server a command is about; `api` and the workers each have one link to the broker. */
export type Place = 'api' | 'worker 0' | 'worker 1';
export type WorkerPlace = Exclude<Place, 'api'>;

/** What may befall the next message of a type. */
export type Mishap = 'drop' | 'duplicate' | 'redeliver';

/** What may be lost: hints, questions and answers. A confirmed checkpoint is not, as the broker has it on disk. */
export const LOSABLE = [
  'run',
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
  'cancel',
  'pause',
  'child',
  'fence',
  'claim',
  'checkpoints',
  'heartbeat',
] as const;
export const REDELIVERABLE = ['run', 'cancel', 'claim', 'checkpoints'] as const;

export type MessageType =
  (typeof LOSABLE)[number] | (typeof REPEATABLE)[number] | (typeof REDELIVERABLE)[number];

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
  | { readonly do: 'mishap'; readonly what: Mishap; readonly to: MessageType }
  /** SIGKILL */
  | { readonly do: 'kill' | 'restart'; readonly place: Place }
  /** SIGTERM */
  | { readonly do: 'close'; readonly place: WorkerPlace }
  /** SIGSTOP and SIGCONT */
  | { readonly do: 'freeze' | 'thaw'; readonly place: WorkerPlace }
  | { readonly do: 'break runner'; readonly place: WorkerPlace }
  | { readonly do: 'restart broker' }
  /** The connection is reset, and both ends know. */
  | { readonly do: 'reset link'; readonly place: Place }
  /** Nothing goes through for a while. */
  | { readonly do: 'stall link'; readonly place: Place; readonly ms: number }
  /** Nothing goes through any more; each end finds out in its own time. */
  | { readonly do: 'cut link'; readonly place: Place; readonly brokerMs: number; readonly processMs: number }
  /** The next statement loses its connection, before it was executed or after. */
  | { readonly do: 'fail database'; readonly when: 'before' | 'after' };

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
