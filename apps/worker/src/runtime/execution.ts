import type { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildFinished, FinishedEvent } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import {
  CancelledError,
  isCancelled,
  TaskError,
  TimeoutError,
  type AnyWorkflow,
  type ExecutionContext,
  type ScopedPromise,
} from '@flux/sdk';
import { Calls } from './calls.js';
import { ChildEnds } from './child-ends.js';
import { Cleanup, type CancelHandler } from './cleanup.js';
import { createContext, createLogger, type ContextOwner } from './context.js';
import { encode, type Encoded } from './encoding.js';
import { errorInfo } from './error-info.js';
import type { CancelRequest, ExecutionHost, ExecutionStart } from './host.js';
import { InFlight } from './in-flight.js';
import { assertPayload } from './json.js';
import { LastCall } from './last-call.js';
import { ParkedPoint } from './parked-point.js';
import { Parking, type ParkedEvent } from './parking.js';
import { diverged, Replay } from './replay.js';
import { Rollbacks } from './rollbacks.js';
import { CallNumbers, Scope } from './scope.js';
import { SubScopes, type ScopeFunction } from './sub-scopes.js';
import type { SharedContext } from './task-call.js';
import { undoAll } from './undo.js';

/** The scope that code runs in; one storage serves all executions of a thread. */
export type Scopes = AsyncLocalStorage<Scope>;

type Ended =
  { readonly ok: true; readonly output: Encoded } | { readonly ok: false; readonly error: unknown };

/** One attempt of an execution in this thread. It counts as over only when nothing it started goes on. */
export class Execution implements ContextOwner {
  readonly #cleanupCalls = new CallNumbers('cleanup-');
  readonly #shields = new Set<Scope>();
  readonly #inFlight = new InFlight();
  readonly #root = new Scope(this, new CallNumbers(), false, this.#inFlight);
  readonly #cleanup: Cleanup;
  readonly #replay: Replay;
  readonly #parking: Parking;
  readonly #rollbacks: Rollbacks;
  readonly #ends: ChildEnds;
  readonly #lastCall = new LastCall();
  #parked: ParkedPoint | undefined;
  readonly #shared: SharedContext;
  readonly #context: ExecutionContext;
  readonly #subScopes: SubScopes;
  #cancelled: CancelledError | undefined;
  #refusal: Error | undefined;
  #bodyReturned = false;
  #bodyEnded = false;
  #endBody: (ended: Ended) => void = () => undefined;
  #onParked: (event: ParkedEvent) => void = () => undefined;

  constructor(
    private readonly workflow: AnyWorkflow,
    private readonly start: ExecutionStart,
    private readonly host: ExecutionHost,
    private readonly scopes: Scopes,
  ) {
    const { cancel, history } = start;
    this.#cleanup = new Cleanup(
      (fn, calls) => this.#runShielded(new Scope(this, calls, true, this.#inFlight), fn),
      this.#inFlight,
      () => this.#lastCall.waiting,
    );
    this.#ends = new ChildEnds(history);
    if (cancel) this.#parked = new ParkedPoint(cancel.remainingMs, () => this.#signal(cancel));
    this.#replay = new Replay(history, {
      onProgress: () => this.#parked?.touch(),
      onDiverged: (error) => this.fail(error),
    });
    this.#rollbacks = new Rollbacks(history);
    this.#parking = new Parking({
      parkAfterMs: host.parkAfterMs,
      parkChildrenAfterMs: host.parkChildrenAfterMs,
      childrenHeard: () => this.#ends.count,
      isAllowed: () => this.#isAtRest,
      busy: () => (this.#inFlight.count > 0 ? this.#inFlight.idle() : undefined),
      onParked: (event) => {
        this.#replay.close();
        this.#onParked(event);
      },
    });
    const { executionId, attempt } = start;
    const context = { executionId, attempt, log: createLogger(host) };
    const environment = {
      context,
      host,
      replay: this.#replay,
      rollbacks: this.#rollbacks,
      parked: () => this.#parked,
      parking: this.#parking,
      ends: this.#ends,
      lastCall: this.#lastCall,
      isCancelled: () => this.isCancelled,
      numbers: (scope: Scope) => this.#numbers(scope),
    };
    const calls = new Calls(environment);
    this.#subScopes = new SubScopes({
      ...environment,
      unseen: () => calls.unseen,
      runIn: (scope, fn) => this.scopes.run(scope, fn),
    });
    this.#shared = context;
    this.#context = createContext(this, context, calls);
  }

  /** Its body has come to where it stood, and nothing is about to end it. */
  get #isAtRest(): boolean {
    const ends = this.#cancelled ?? this.#parked ?? this.#refusal ?? this.#root.refusal;
    return ends === undefined && !this.#bodyReturned && this.#replay.isDone;
  }

  get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /**
   * Runs the body and all it starts to their end, or until it waits for time or a resume alone: nothing of it settles
   * any more then, and nothing here holds on to it. Call it once; it never rejects.
   */
  run(): Promise<FinishedEvent | ParkedEvent> {
    return new Promise((resolve) => {
      this.#onParked = resolve;
      void this.#runToEnd().then(resolve);
    });
  }

  async #runToEnd(): Promise<FinishedEvent> {
    const ended = await new Promise<Ended>((resolve) => {
      this.#endBody = (how) => {
        // It had heard of the cancel when this attempt's replay had yet to come to that point.
        const { cancel } = this.start;
        if (cancel?.delivered) this.#signal(cancel);
        this.#bodyEnded = true;
        resolve(how);
      };
      this.scopes
        .run(this.#root, () => this.#body())
        .then(
          (output) => this.#endBody({ ok: true, output }),
          (error: unknown) => this.#endBody({ ok: false, error }),
        );
    });
    this.#parked?.close();
    this.#lastCall.now();
    this.#replay.close();
    const over = new Error('the workflow has ended');
    const goesOn = this.#root.settled();
    if (goesOn) this.#root.abort(over);
    else this.#root.close(over);
    await goesOn;
    if (this.isCancelled || !ended.ok) await this.#rollBack();
    this.#refusal ??= over;
    return this.#finished(ended);
  }

  /**
   * Signals the cancel, once; it has no effect after the body has ended. The handlers begin and every wait
   * outside a shield rejects before this returns. A body that is being replayed is first let come to where it
   * stood, so that its cleanup finds what there is to clean up.
   */
  cancel(request: CancelRequest): void {
    if (this.#replay.isDone) this.#signal(request);
    else this.#parked ??= new ParkedPoint(request.remainingMs, () => this.#signal(request));
  }

  #signal(request: CancelRequest): void {
    if (this.#cancelled || this.#refusal || this.#bodyEnded) return;
    this.#cancelled = new CancelledError(request);
    this.#parked?.close();
    this.#lastCall.arm(request.remainingMs);
    this.#replay.open();
    this.#root.abort(this.#cancelled);
    this.#cleanup.begin(this.#cancelled);
  }

  /** A child of it has ended. */
  childEnded(entry: ChildFinished): void {
    if (!this.#parking.isParked) this.#ends.deliver(entry);
  }

  /** Somebody asks from outside that it pauses: it parks at its next call. */
  pause(): void {
    this.#parking.ask();
  }

  /** Makes everything end at once, shields and handlers too; for an execution that is not ours any more. */
  stop(reason: Error): void {
    this.#refusal ??= reason;
    this.#cleanup.abandon();
    this.#lastCall.now();
    for (const scope of [this.#root, ...this.#shields]) scope.abort(reason);
  }

  /** Ends the execution as failed, whatever its body makes of it. */
  fail(error: Error): void {
    if (this.#parking.isParked) return;
    this.#root.abort(error);
    this.#endBody({ ok: false, error });
  }

  /** The scope of the calling code. */
  get scope(): Scope {
    const scope = this.scopes.getStore();
    return scope?.owner === this ? scope : this.#root;
  }

  /** `ctx.shield`; `timeoutMs` limits it. */
  async shield<T>(fn: () => T | PromiseLike<T>, timeoutMs: number | undefined): Promise<T> {
    if (this.#refusal) throw this.#refusal;
    const outer = this.scope;
    const gate = outer.shielded ? undefined : this.#parking.gate();
    if (gate) await this.#parking.call(() => outer.guard(gate));
    const scope = new Scope(this, this.#numbers(outer), true, outer.inFlight);
    if (timeoutMs === undefined) return this.#runShielded(scope, fn);
    const timer = setTimeout(
      () => scope.abort(new TimeoutError(`a shield took longer than ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      return await this.#runShielded(scope, fn);
    } finally {
      clearTimeout(timer);
    }
  }

  /** `ctx.scope`; `timeoutMs` limits it. */
  subScope<T>(fn: ScopeFunction<T>, timeoutMs: number | undefined): ScopedPromise<T> {
    return this.#subScopes.run(this.scope, fn, timeoutMs);
  }

  /** `ctx.onCancel`. */
  onCancel(fn: CancelHandler): () => void {
    return this.#cleanup.add(fn);
  }

  /** What the body itself does after the cancel is numbered apart: where the signal met it is up to chance. */
  #numbers(scope: Scope): CallNumbers {
    return this.isCancelled && scope === this.#root ? this.#cleanupCalls : scope.numbers(this.isCancelled);
  }

  /** Undoes what the body had completed. Nothing that it started goes on any more. */
  async #rollBack(): Promise<void> {
    await undoAll(this.#rollbacks, {
      context: this.#shared,
      host: this.host,
      isStopped: () => this.#refusal !== undefined,
      shield: (callId, fn) => {
        // A takeover skips what has been undone: the calls of each rollback are numbered apart.
        const calls = new CallNumbers(`rollback-${callId.replace('#', '-')}-`);
        const scope = new Scope(this, calls, true, this.#inFlight);
        return this.#runShielded(scope, () => fn(scope));
      },
      onError: (error) => this.#cleanup.noteFailure(error),
    });
    await this.#inFlight.idle();
  }

  async #runShielded<T>(scope: Scope, fn: () => T | PromiseLike<T>): Promise<T> {
    this.host.assertOwned?.();
    this.#shields.add(scope);
    if (this.isCancelled) this.#cleanup.noteRun();
    const work = scope.inFlight.track(() => this.scopes.run(scope, fn));
    void work.catch(() => undefined).finally(() => this.#shields.delete(scope));
    try {
      return await scope.guard(work);
    } catch (error) {
      if (this.isCancelled) this.#cleanup.noteError(error);
      throw error;
    }
  }

  async #body(): Promise<Encoded> {
    const { maxPayloadBytes } = this.host;
    let input: unknown;
    assertPayload(this.start.input, 'the input of the workflow', maxPayloadBytes);
    try {
      input = await this.workflow.parseInput(this.start.input);
    } catch (error) {
      throw new FluxError('INVALID_INPUT', `the input does not fit the schema: ${errorInfo(error).message}`);
    }
    let end = 'returned';
    try {
      const output = await this.workflow.body(this.#context, input as never);
      return encode(output, 'the output of the workflow', maxPayloadBytes);
    } catch (error) {
      end = `threw ${errorInfo(error).name}: ${errorInfo(error).message}`;
      throw error;
    } finally {
      this.#bodyReturned = true;
      await this.#assertAllMade(end);
    }
  }

  /** @throws FluxError `NON_DETERMINISTIC_WORKFLOW` when the record has calls that the body did not make */
  async #assertAllMade(end: string): Promise<void> {
    const recorded = await this.#replay.neverMade();
    if (recorded === undefined) return;
    const message = `the record has '${recorded}', a call that the workflow did not make before it ${end}`;
    throw diverged(message, { recorded, asked: null });
  }

  #finished(ended: Ended): FinishedEvent {
    const signalled = this.isCancelled;
    const outcome = signalled && !ended.ok && isCancelled(ended.error) ? 'cancelled' : undefined;
    if (signalled && !ended.ok) this.#cleanup.noteError(ended.error);
    const event = {
      type: 'finished' as const,
      signalled,
      output: null,
      error: null,
      cleanup: signalled ? this.#cleanup.result : null,
      cleanupError: this.#cleanup.error,
      forced: false,
      at: Date.now(),
    };
    if (outcome) return { ...event, outcome };
    if (!ended.ok) return { ...event, outcome: 'failed', error: failure(ended.error) };
    const { json, types } = ended.output;
    return { ...event, outcome: 'completed', output: json, ...(types && { outputTypes: types }) };
  }
}

function failure(error: unknown): NonNullable<FinishedEvent['error']> {
  return errorInfo(error, error instanceof TaskError ? 'TASK_FAILED' : 'WORKFLOW_FAILED');
}
