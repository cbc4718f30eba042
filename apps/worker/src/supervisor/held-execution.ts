import type { ChildrenHeard } from './children-heard.js';
import type { CheckpointEvent } from '@flux/contracts';
import type { Runner } from './runner.js';

/** One attempt that this worker owns, from its claim until its last event is safe. */
export interface HeldExecution {
  readonly executionId: string;
  readonly attempt: number;
  readonly workflowName: string;
  /** Absent when there was none to give it to. */
  readonly runner: Runner | undefined;
  /** Its number in messages to and from the runner. */
  readonly handle: number;
  readonly childrenHeard: ChildrenHeard;
  /** The number of its last checkpoint. */
  seq: number;
  /** `running` until its runner reports or dies; then its last events travel. */
  phase: 'running' | 'ended';
  /** The cancel's signal has been sent to it. */
  signalled: boolean;
  /** Its deadline has passed and its runner is being killed because of it. */
  expired: boolean;
  /** How it ended in a runner of its own: told once that runner, and all it has started, is dead. */
  lastEvent?: CheckpointEvent;
  /** Owned elsewhere by now: nothing of it is reported any more. */
  fenced: boolean;
}
