import type { CancelledError } from './cancelled-error.js';
import type { CallChild, StartChild } from './child.js';
import type { Duration } from './options.js';
import type { Pipeline } from './pipeline.js';
import type { Context } from './task-context.js';
import type { Task } from './task.js';

export interface MapOptions {
  /** How many run at a time, ≥ 1. Default: all. */
  readonly concurrency?: number;
}

export interface ShieldOptions {
  /**
   * The time limit of the shield. When the time is up, the shield rejects with a `TimeoutError`, which is also the
   * reason of its signal.
   */
  readonly timeout?: Duration;
}

/** A part of an execution that can be cancelled alone. */
export interface CancelScope {
  /** Aborts when the scope is cancelled, when its time is up, or with what it is part of. */
  readonly signal: AbortSignal;
  /** Cancels the scope and nothing else; without effect once it is cancelled or over. */
  cancel(reason?: string): void;
}

/** The promise that {@link ExecutionContext.scope} returns. */
export interface ScopedPromise<T> extends Promise<T>, Pick<CancelScope, 'cancel'> {}

export interface ScopeOptions {
  /**
   * The time limit of the scope, from its start and across takeovers. When the time is up, the scope is cut off with
   * a `TimeoutError`.
   */
  readonly timeout?: Duration;
}

/**
 * The context of a workflow. Results are recorded: when another worker takes over, the body runs again from its
 * start and calls that have a result return it without running. The body therefore makes the same calls in the same
 * order for the same input. The first run gets what a replay would get: a copy of what was returned, which is JSON and
 * whatever of `undefined`, `NaN`, ±`Infinity`, `-0`, bigints, `Date`, `Map`, `Set`, `RegExp`, `URL`, `Buffer`,
 * `ArrayBuffer`, typed arrays and errors (name, message, cause, `errors` and plain fields) is in it, up to 200 levels
 * deep. What cannot be recorded, a function or an instance of another class, is refused with its place at the call that
 * returned it, unless it has a `toJSON`, whose result is recorded. Inputs of children are recorded alike.
 */
export interface ExecutionContext extends Context {
  /** Aborts with a `CancelledError` on cancel; inside a shield it is the shield's own. */
  readonly signal: AbortSignal;
  /** True from the moment the cancel arrives, inside shields too. */
  readonly isCancelled: boolean;
  /**
   * Runs a task, or returns its recorded result.
   * @throws TaskError when it failed · CancelledError at once on cancel, while the task unwinds
   */
  run<I, O>(task: Task<I, O>, ...input: undefined extends I ? [input?: I] : [input: I]): Promise<O>;
  /**
   * Runs a task for each input; outputs keep the order of the inputs. After a failure nothing new starts, and
   * once what runs has ended it rejects with the failure of the first input that has one.
   */
  map<I, O>(task: Task<I, O>, inputs: readonly I[], options?: MapOptions): Promise<O[]>;
  /** Runs tasks one after the other, each on the output of the one before, and returns the last output. */
  readonly pipeline: Pipeline;
  /**
   * Runs another workflow as an execution of its own, a child of this one, and returns its output. Waiting for it takes
   * no place and no memory, as a long sleep does. A child whose call is still waited for when this execution ends
   * otherwise than by a cancel is cancelled, unless it is `abandon`.
   * @throws ChildFailedError · ChildCancelledError when it alone was cancelled · CancelledError on a cancel of this
   * execution: under `wait` once the child has ended, so that the cleanup runs after it, or when time runs out
   */
  readonly call: CallChild;
  /** Starts a child and does not wait for it: it outlives this execution, save under a cancel. */
  readonly start: StartChild;
  /** Milliseconds since the epoch, as `Date.now()` gives them; a replay gets the recorded ones. */
  now(): number;
  /** A random UUID (version 4); a replay gets the recorded one. */
  uuid(): string;
  /** A number ≥ 0 and < 1, as `Math.random()` gives it; a replay gets the recorded one. */
  random(): number;
  /**
   * Guards a change of the code in place, under what is running: true in an execution that comes here first with this code,
   * and false in one whose record goes on beyond this point without it, which has to do as it did. So the new way is
   * the branch of `if (ctx.patched('…'))` and the old one its `else`. The first answer to `id` stands for the whole
   * execution. Once no execution of before is left, the old way and the call itself may go.
   * @param id 1 to 100 letters, digits, `_`, `-` and `.`
   */
  patched(id: string): boolean;
  /**
   * Waits; after a takeover only for what is left. While the body waits for nothing but sleeps of 5 s and more and
   * for pauses, the execution takes no place and no memory: it is dropped, and replayed when the first of them ends.
   * Await nothing beside a long sleep that `ctx` does not know of; do it in a task.
   */
  sleep(duration: Duration): Promise<void>;
  /**
   * Waits for somebody to resume the execution and returns the input of that resume, `null` where it has none. A
   * resume that came before the pause ends it at once. It is parked as a long sleep is, so not while a task runs
   * beside it, and not in a shield or a cancel handler, where it throws.
   * @param name 1 to 100 characters; shown to whoever is to resume it
   */
  pause<T = unknown>(name: string): Promise<T>;
  /**
   * Runs `fn` out of the cancel's reach, before the cancel or after it: calls inside work, and `ctx.signal`
   * inside does not abort. A cancel that arrives meanwhile surfaces at the next call after the shield.
   */
  shield<T>(fn: () => T | PromiseLike<T>, options?: ShieldOptions): Promise<T>;
  /**
   * Runs `fn` in a scope that can be cancelled alone: by `cancel` of the handle that `fn` gets and the returned promise
   * has, or by its timeout. Then its signal, which is `ctx.signal` inside, aborts, and what it waits for in `ctx` or
   * asks for later rejects, with one error: a `CancelledError` whose `cause` is `'scope'`, or a `TimeoutError`. What is
   * outside goes on, and so does a shield inside. Scopes in it are cut off with it; the execution's cancel reaches it
   * and wins.
   *
   * The promise settles as `fn` does, so `fn` may catch the error and return what it has so far; but not before all
   * that was started in the scope has ended. Await `scope.signal` beside anything that `ctx` does not know of. What
   * a cancelled scope had completed stays completed: its rollbacks run if the execution fails or is cancelled. A child
   * that it called goes on, and belongs to the execution.
   */
  scope<T>(fn: (scope: CancelScope) => T | PromiseLike<T>, options?: ScopeOptions): ScopedPromise<T>;
  /**
   * Runs `fn` once on cancel of the execution, right after the signal and in a shield; the handlers run one after the other,
   * newest first. When one throws the others run all the same, and the cleanup counts as failed.
   * @returns how to take it back
   */
  onCancel(fn: (error: CancelledError) => void | PromiseLike<void>): () => void;
}
