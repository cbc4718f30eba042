import type { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildFinished, FinishedEvent } from '@flux/contracts';
import { LongTimer } from '@flux/domain';
import { CancelledError, TaskError, TimeoutError, type AnyWorkflow, type ExecutionContext } from '@flux/sdk';
import { ChildEnds } from './calls/child-ends.js';
import { CallGate } from './calls/environment.js';
import { Cleanup, type CancelHandler } from './cleanup/cleanup.js';
import { endsByCancel } from './cleanup/ends-by-cancel.js';
import { createContext, createLogger, type ContextOwner } from './context.js';
import { decode, encode, type Encoded } from './values/encoding.js';
import { isA } from './values/error-fields.js';
import { errorInfo } from './values/error-info.js';
import type { CancelSignal, ExecutionHost, ExecutionStart } from './host.js';
import { InFlight } from '../flow/in-flight.js';
import { assertPayload } from './values/json.js';
import { LastCall } from './cleanup/last-call.js';
import { RunToCancel } from './replay/run-to-cancel.js';
import { Parking, type ParkedEvent } from './parking.js';
import { diverged, Replay } from './replay/replay.js';
import { Rollbacks } from './cleanup/rollbacks.js';
import { CallNumbers, Scope } from './scope.js';
import type { SubScopeEnvironment } from './sub-scopes.js';
import { undo } from './cleanup/undo.js';

type Ended =
  { readonly ok: true; readonly output: Encoded } | { readonly ok: false; readonly error: unknown };

export interface ExecutionParts {
  readonly workflow: AnyWorkflow;
  readonly start: ExecutionStart;
  readonly host: ExecutionHost;
  /** The scope that code runs in; one storage serves all executions of a runner. */
  readonly scopes: AsyncLocalStorage<Scope>;
}

/** An attempt of an execution in this runner. The attempt counts as over only when nothing that it started goes on. */
export class Execution implements ContextOwner {
  readonly #parts: ExecutionParts;
  readonly #cleanupCalls = new CallNumbers('cleanup-');
  readonly #shields = new Set<Scope>();
  readonly #inFlight = new InFlight();
  readonly #root = new Scope({
    owner: this,
    calls: new CallNumbers(),
    shielded: false,
    inFlight: this.#inFlight,
  });
  readonly #cleanup: Cleanup;
  readonly #replay: Replay;
  readonly #parking: Parking;
  readonly #rollbacks: Rollbacks;
  readonly #ends: ChildEnds;
  readonly #lastCall = new LastCall();
  #runToCancel: RunToCancel | undefined;
  readonly #context: ExecutionContext;
  readonly #environment: SubScopeEnvironment;
  #cancelled: CancelledError | undefined;
  #refusal: Error | undefined;
  #bodyReturned = false;
  #bodyEnded = false;
  #endBody: (ended: Ended) => void = () => undefined;
  #onParked: (event: ParkedEvent) => void = () => undefined;

  constructor(parts: ExecutionParts) {
    this.#parts = parts;
    const { start, host, scopes } = parts;
    const { cancel, history } = start;
    this.#cleanup = new Cleanup({
      inFlight: this.#inFlight,
      runHandler: (fn, calls) => this.#runShielded(this.#newShield(calls), fn),
      lastCall: this.#lastCall,
    });
    this.#ends = new ChildEnds(history);
    if (cancel) this.#runToCancel = new RunToCancel(cancel.remainingMs, () => this.#signal(cancel));
    this.#replay = new Replay(history, {
      onProgress: () => this.#runToCancel?.touch(),
      onDiverged: (error) => this.fail(error),
    });
    this.#rollbacks = new Rollbacks(history);
    this.#parking = new Parking({
      host,
      childrenHeard: () => this.#ends.count,
      isAllowed: () => this.#isAtRest,
      busy: () => (this.#inFlight.count > 0 ? this.#inFlight.idle() : undefined),
      onParked: (event) => {
        this.#replay.close();
        this.#onParked(event);
      },
    });
    const { executionId, attempt } = start;
    const shared = {
      context: {
        executionId,
        attempt,
        log: createLogger(host),
        detach: (child: { readonly pid?: number | undefined }) => host.detach(child),
      },
      host,
      replay: this.#replay,
      rollbacks: this.#rollbacks,
      runToCancel: () => this.#runToCancel,
      parking: this.#parking,
      ends: this.#ends,
      lastCall: this.#lastCall,
      isCancelled: () => this.isCancelled,
      numbers: (scope: Scope) => this.#numbers(scope),
    };
    const gate = new CallGate(shared);
    this.#environment = { ...shared, gate, runIn: (scope, fn) => scopes.run(scope, fn) };
    this.#context = createContext(this, this.#environment);
  }

  /** The body has come to where it stood, and nothing is about to end it. */
  get #isAtRest(): boolean {
    const ends = this.#cancelled ?? this.#runToCancel ?? this.#refusal ?? this.#root.refusal;
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
        // The body had heard of the cancel when this attempt's replay had yet to come to that point.
        const { cancel } = this.#parts.start;
        if (cancel?.delivered) this.#signal(cancel);
        this.#bodyEnded = true;
        resolve(how);
      };
      this.#parts.scopes
        .run(this.#root, () => this.#body())
        .then(
          (output) => this.#endBody({ ok: true, output }),
          (error: unknown) => this.#endBody({ ok: false, error }),
        );
    });
    this.#runToCancel?.close();
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
  cancel(request: CancelSignal): void {
    if (this.#replay.isDone) this.#signal(request);
    else this.#runToCancel ??= new RunToCancel(request.remainingMs, () => this.#signal(request));
  }

  #signal(request: CancelSignal): void {
    if (this.#cancelled || this.#refusal || this.#bodyEnded) return;
    this.#cancelled = new CancelledError(request);
    if (this.#runToCancel) this.#parts.host.signalled?.();
    this.#runToCancel?.close();
    this.#lastCall.arm(request.remainingMs, request.spareMs);
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
    const scope = this.#parts.scopes.getStore();
    return scope?.owner === this ? scope : this.#root;
  }

  /** `ctx.shield`; `timeoutMs` limits it. */
  async shield<T>(fn: () => T | PromiseLike<T>, timeoutMs: number | undefined): Promise<T> {
    if (this.#refusal) throw this.#refusal;
    const outer = this.scope;
    const gate = outer.shielded ? undefined : this.#parking.gate();
    if (gate) await this.#parking.call(() => outer.guard(gate));
    const scope = this.#newShield(this.#numbers(outer), outer.inFlight);
    if (timeoutMs === undefined) return this.#runShielded(scope, fn);
    const timer = new LongTimer(timeoutMs, () =>
      scope.abort(new TimeoutError(`a shield took longer than ${timeoutMs} ms`)),
    );
    try {
      return await this.#runShielded(scope, fn);
    } finally {
      timer.clear();
    }
  }

  /** `ctx.onCancel`. */
  onCancel(fn: CancelHandler): () => void {
    return this.#cleanup.add(fn);
  }

  /** The body's own calls after the cancel are numbered apart: where the signal met it is up to chance. */
  #numbers(scope: Scope): CallNumbers {
    return this.isCancelled && scope === this.#root ? this.#cleanupCalls : scope.numbers(this.isCancelled);
  }

  /**
   * Runs the rollbacks that are left, newest task first, one after the other; each is on record before the next
   * begins. One that fails does not keep the others from running. Nothing that the body started goes on any more.
   */
  async #rollBack(): Promise<void> {
    const onError = (error: unknown): void => this.#cleanup.noteFailure(error);
    for (const error of this.#rollbacks.recordedErrors()) onError(error);
    for (const step of this.#rollbacks.pending()) {
      // Another attempt owns the execution: the rest is that attempt's to undo.
      if (this.#refusal) break;
      // A takeover skips what has been undone: the calls of each rollback are numbered apart.
      const scope = this.#newShield(new CallNumbers(`rollback-${step.callId.replace('#', '-')}-`));
      const undone = this.#runShielded(scope, () => undo(step, scope, this.#environment, onError));
      // Only a stop lets an error out of the shield: `undo` catches those of the rollback.
      await undone.catch(() => undefined);
    }
    await this.#inFlight.idle();
  }

  #newShield(calls: CallNumbers, inFlight = this.#inFlight): Scope {
    return new Scope({ owner: this, calls, shielded: true, inFlight });
  }

  async #runShielded<T>(scope: Scope, fn: () => T | PromiseLike<T>): Promise<T> {
    this.#parts.host.assertOwned?.();
    this.#shields.add(scope);
    if (this.isCancelled) this.#cleanup.noteRun();
    const work = scope.inFlight.track(() => this.#parts.scopes.run(scope, fn));
    void work.catch(() => undefined).finally(() => this.#shields.delete(scope));
    try {
      return await scope.guard(work);
    } catch (error) {
      if (this.isCancelled) this.#cleanup.noteError(error);
      throw error;
    }
  }

  async #body(): Promise<Encoded> {
    const { workflow, start, host } = this.#parts;
    const { maxPayloadBytes } = host;
    assertPayload(start.input, 'the input of the workflow', maxPayloadBytes);
    const given = decode({ json: start.input, types: start.inputTypes });
    const check = (): Promise<unknown> => workflow.parseInput(given);
    const input = await (host.checksInput?.(check) ?? check());
    let end = 'returned';
    try {
      const output = await workflow.body(this.#context, input as never);
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
    const outcome = signalled && !ended.ok && endsByCancel(ended.error) ? 'cancelled' : undefined;
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
    if (!ended.ok) {
      const code = isA(ended.error, TaskError) ? 'TASK_FAILED' : 'WORKFLOW_FAILED';
      return { ...event, outcome: 'failed', error: errorInfo(ended.error, code) };
    }
    const { json, types } = ended.output;
    return { ...event, outcome: 'completed', output: json, ...(types && { outputTypes: types }) };
  }
}
