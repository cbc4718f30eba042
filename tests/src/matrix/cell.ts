import { expect } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import type { Play } from './play.js';

/** The workers that stay; each has a workflow of its own name, so that a test says which worker gets what. */
type Staying = 'steady' | 'killed' | 'queued';
/** The workers that come to grief with what they run. */
export type Doomed = 'dying' | 'freezing' | 'draining' | 'reconnecting' | 'stranded';
export type Worker = Staying | Doomed;

type Cancellation = NonNullable<ExecutionResource['cancellation']>;

/** The end that an execution must have come to. */
export interface Ending {
  readonly state: 'CANCELLED' | 'COMPLETED' | 'FAILED';
  /** `null`: it has no cancellation at all. */
  readonly cancellation: Pick<Cancellation, 'outcome' | 'cleanup' | 'forced'> | null;
  /** The steps that the code has done, by attempt and in any order; a step that is not named here must not have run. */
  readonly ran: readonly (readonly string[])[];
  /** The steps that the code may have done besides: its runner is killed meanwhile, or its worker thaws too late. */
  readonly perhaps?: readonly string[];
}

/** A cell of the matrix: a moment, what comes then, and how that must end. */
export interface Cell extends Ending {
  readonly name: string;
  readonly worker: Worker;
  /** The moment, as the workflow knows it. */
  readonly moment: string;
  readonly cleanupWaits?: boolean;
  /** Brings the execution to the moment. */
  readonly reach: (play: Play) => Promise<unknown>;
  /** The cancel's body. */
  readonly request?: Readonly<Record<string, unknown>>;
  /** The answer that the cancel must get. */
  readonly answer: 200 | 202 | 409;
  /** Runs once the cancel was answered. */
  readonly meanwhile?: (play: Play) => Promise<unknown>;
  /** The end that the child must have come to. */
  readonly child?: Ending & { readonly endsFirst: boolean };
  /** How often its runner dies; 0 unless given. */
  readonly losses?: number;
  /** Longest time from the request to the end, beyond the grace period; milliseconds. */
  readonly boundMs: number;
}

/** The grace period of the matrix unless a cell asks for another one: time enough on a machine that is far too busy. */
export const GRACE_MS = 30_000;
export const LEASE_MS = 6_000;
/** The second promise: with a live worker, and whatever dies. */
export const LIVE_BOUND_MS = 2_000;
export const LOSS_BOUND_MS = LEASE_MS + 5_000;

const cancelled = (cleanup: Cancellation['cleanup'], forced = false) =>
  ({ state: 'CANCELLED', cancellation: { outcome: 'cancelled', cleanup, forced } }) as const;
export const CLEANED = cancelled('succeeded');
export const KILLED = cancelled('timed_out', true);
export const UNCLEAN = cancelled('failed');
export const NOTHING_TO_CLEAN = cancelled('none');
export const NOT_RUN = cancelled('not_run');
const tooLate = { outcome: 'already_completed', cleanup: 'none', forced: false } as const;
export const COMPLETED_BEFORE = { state: 'COMPLETED', cancellation: tooLate } as const;
export const FAILED_BEFORE = { state: 'FAILED', cancellation: tooLate } as const;

export const BEGUN = ['body', 'first'];
export const TIDIED = ['cleanup begins', 'cleanup ends'];
export const UNWOUND = [...TIDIED, 'first undone'];
/** The steps of two attempts: one up to a long wait, the other, which a cancel ended, from there on. */
export const RESUMED = [BEGUN, ['body', ...UNWOUND]];

export const marked =
  (...what: string[]) =>
  (play: Play): Promise<void> =>
    play.marked(...what);

/** Opens the gate once the signal is there. */
export const openOnDelivery =
  (gate: string) =>
  async (play: Play): Promise<void> => {
    await play.event('cancel_delivered');
    play.open(gate);
  };

/** The child runs, and its parent is parked until that ends. */
export async function childStands(play: Play): Promise<void> {
  await play.child.marked('task begins');
  await play.state('SLEEPING');
}

/** The cleanup of a first cancel is under way. */
export const inCleanup =
  (request?: Cell['request']) =>
  async (play: Play): Promise<void> => {
    await play.marked('task begins');
    expect((await play.cancel(request)).status).toBe(202);
    await play.marked('cleanup begins');
  };
