import { errorOf } from './errors.js';
import type { ErrorInfo } from '@flux/contracts';
import type { CancelCause, ParentCancelPolicy } from '@flux/domain';
import type { Duration } from './options.js';
import { brand } from './brand.js';
import type { WorkflowRef } from './workflow-ref.js';

export interface ChildOptions {
  /**
   * The effect of this execution's cancel on the child. `wait` (the default): it is cancelled too, and this one ends
   * after it. `request`: it is cancelled, and not waited for. `abandon`: it is left alone.
   */
  readonly onParentCancel?: ParentCancelPolicy;
  /** A UUID; made when absent. One that belongs to an execution already fails the child. */
  readonly executionId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The child's time limit, from its start; default: its workflow's. */
  readonly timeout?: Duration;
}

/** A child that was started. */
export interface ChildHandle<O> {
  readonly executionId: string;
  /**
   * Waits for its end and returns its output.
   * @throws ChildFailedError · ChildCancelledError · CancelledError as `ctx.call` does
   */
  result(): Promise<O>;
}

/** The arguments after the workflow: its input may be left out where the workflow takes none. */
type ChildArguments<A> = undefined extends A
  ? [input?: A, options?: ChildOptions]
  : [input: A, options?: ChildOptions];

/** `ctx.call`: a workflow of this code base by its object, one of another by its name. */
export interface CallChild {
  <I, O, A>(workflow: WorkflowRef<I, O, A>, ...rest: ChildArguments<A>): Promise<O>;
  <O = unknown>(workflowName: string, input?: unknown, options?: ChildOptions): Promise<O>;
}

/** `ctx.start`, likewise. */
export interface StartChild {
  <I, O, A>(workflow: WorkflowRef<I, O, A>, ...rest: ChildArguments<A>): Promise<ChildHandle<O>>;
  <O = unknown>(workflowName: string, input?: unknown, options?: ChildOptions): Promise<ChildHandle<O>>;
}

interface ChildFacts {
  readonly workflowName: string;
  readonly executionId: string;
}

/** A child failed, or could not be started: no such workflow, an input that does not fit, an id that is taken. */
export class ChildFailedError extends Error {
  override readonly name = 'ChildFailedError';
  readonly code = 'CHILD_FAILED';
  readonly workflowName: string;
  /** `null` when it was refused: there is no such execution. */
  readonly executionId: string | null;
  /**
   * The child's own error as its record has it: name, message, stack, causes and fields; its code, or Flux's where it has
   * none.
   */
  override readonly cause: Error & { readonly code?: string | number };

  constructor({ workflowName, executionId }: ChildFacts, error: ErrorInfo, refused = false) {
    const what = refused ? `${workflowName} was not started` : `${workflowName} ${executionId} failed`;
    super(`child ${what}: ${error.name}: ${error.message}`);
    this.workflowName = workflowName;
    this.executionId = refused ? null : executionId;
    this.cause = errorOf(error);
  }
}

/** A child was cancelled, and this execution was not: `isCancelled` is false for it. */
export class ChildCancelledError extends Error {
  override readonly name = 'ChildCancelledError';
  readonly code = 'CHILD_CANCELLED';
  readonly workflowName: string;
  readonly executionId: string;
  /** Why, in the words of whoever asked; `null` when none were given. */
  readonly reason: string | null;
  /** The caller who asked: an actor, or `flux` for a timeout. */
  readonly requestedBy: string;
  override readonly cause: CancelCause;

  constructor(
    { workflowName, executionId }: ChildFacts,
    cancel: Readonly<{ requestedBy: string; reason: string | null; cause: CancelCause }>,
  ) {
    const { requestedBy, reason, cause } = cancel;
    const why = reason === null ? '' : `: ${reason}`;
    super(`child ${workflowName} ${executionId} was cancelled by ${requestedBy}${why}`);
    this.workflowName = workflowName;
    this.executionId = executionId;
    this.reason = reason;
    this.requestedBy = requestedBy;
    this.cause = cause;
  }
}

brand(ChildFailedError, 'childFailed');
brand(ChildCancelledError, 'childCancelled');
