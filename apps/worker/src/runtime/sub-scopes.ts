import { formatDuration, LongTimer } from '@flux/domain';
import { CancelledError, TimeoutError, type CancelScope, type ScopedPromise } from '@flux/sdk';
import type { CallEnvironment } from './calls/environment.js';
import { InFlight } from '../flow/in-flight.js';
import { SCOPE_CUT, SCOPE_END, type RecordedTimer, type ScopeCut } from './replay/recorded.js';
import { CallNumbers, Scope } from './scope.js';
import { clip } from './values/error-fields.js';
import { errorInfo } from './values/error-info.js';

/** No task has this name, since names begin with a letter or a digit. */
const SCOPE = '$scope';
/** The requester of a scope's cancel. */
const WORKFLOW = 'workflow';
/** As long as that of a cancel may be. */
const LONGEST_REASON = 1000;

/** A `ctx.scope`. Its calls are numbered by themselves, so that where it was cut off moves no number outside. */
class SubScope extends Scope {
  /**
   * The prefix of calls after the scope was cut off, and after the execution's cancel: where that met it is up to
   * chance.
   */
  readonly #late: Readonly<Record<'cut' | 'cleanup', CallNumbers>>;

  constructor(
    outer: Scope,
    /** The names of the scope and of those around it, from the outermost inwards. */
    readonly path: string,
  ) {
    const { owner, shielded, inFlight } = outer;
    super({ owner, calls: new CallNumbers(`${path}.`), shielded, inFlight: new InFlight(inFlight) });
    this.#late = {
      cut: new CallNumbers(`${path}.cut.`),
      cleanup: new CallNumbers(`cleanup-${path}.`),
    };
  }

  override numbers(isCancelled: boolean): CallNumbers {
    if (isCancelled && !this.shielded) return this.#late.cleanup;
    return this.isCut ? this.#late.cut : this.calls;
  }
}

export interface SubScopeEnvironment extends CallEnvironment {
  /** Runs `fn` with `scope` as that of its code. */
  runIn<T>(scope: Scope, fn: () => T): T;
}

export type ScopeFunction<T> = (scope: CancelScope) => T | PromiseLike<T>;

/** Runs `fn` in a `ctx.scope` of its own inside `outer`. */
export function runSubScope<T>(
  environment: SubScopeEnvironment,
  outer: Scope,
  fn: ScopeFunction<T>,
  timeoutMs: number | undefined,
): ScopedPromise<T> {
  try {
    environment.gate.enter(outer);
  } catch (error) {
    return Object.assign(Promise.reject(error as Error), { cancel: () => undefined });
  }
  const one = new SubScopeRun(outer, environment);
  return Object.assign(one.run(outer, fn, timeoutMs), {
    cancel: (reason?: string) => one.handle.cancel(reason),
  });
}

/** A `ctx.scope` from its call to its end, at which nothing goes on that was started in it. */
class SubScopeRun {
  /** The handle for the code that may cancel it. */
  readonly handle: CancelScope;
  readonly #scope: SubScope;
  readonly #environment: SubScopeEnvironment;
  readonly #cutId: string;
  readonly #endId: string;
  #timer: LongTimer | undefined;
  #leaveParking: () => void = () => undefined;
  #isOver = false;

  constructor(outer: Scope, environment: SubScopeEnvironment) {
    this.#environment = environment;
    const [, path = ''] = environment.numbers(outer).take(SCOPE).split('#');
    this.#scope = new SubScope(outer, path);
    this.handle = {
      signal: this.#scope.signal,
      cancel: (reason) => this.#cut({ kind: 'cancelled', reason: reasonOf(reason) }),
    };
    this.#cutId = `${SCOPE_CUT}#${path}`;
    this.#endId = `${SCOPE_END}#${path}`;
  }

  /** Settles as `fn` does, once nothing that was started in the scope goes on. */
  run<T>(outer: Scope, fn: ScopeFunction<T>, timeoutMs: number | undefined): Promise<T> {
    const { replay } = this.#environment;
    const timer = this.#timerOf(timeoutMs);
    const cut = replay.cut(this.#cutId);
    if (cut) void cut.then((recorded) => this.#cut(recorded));
    const work = this.#runToEnd(outer, fn);
    outer.adopt(this.#scope, work);
    if (timer && !cut) this.#limit(timer);
    return work.catch((error: unknown) => this.#fail(error));
  }

  /** The execution's cancel wins over what cut the scope off, also where it came only while the rest unwound. */
  #fail(error: unknown): never {
    const { signal, isCut, refusal } = this.#scope;
    throw isCut && error === signal.reason ? refusal : error;
  }

  async #runToEnd<T>(outer: Scope, fn: ScopeFunction<T>): Promise<T> {
    const scope = this.#scope;
    try {
      return await this.#environment.runIn(scope, async () => fn(this.handle));
    } finally {
      // Calls that nobody waits for any more: as in the body, they end with what they belong to.
      if (scope.isWaiting) this.#cut({ kind: 'left', reason: null });
      await this.#settle(outer);
      this.#isOver = true;
      this.#endTimer();
      scope.close(new Error('the scope has ended'));
    }
  }

  /** How long it takes until nothing goes on is up to chance, so the end of what was cut off is on record. */
  async #settle(outer: Scope): Promise<void> {
    const { replay, host, gate } = this.#environment;
    const scope = this.#scope;
    const goesOn = scope.settled();
    const recorded = replay.ended(this.#endId);
    if (!recorded && !goesOn && !scope.isCut) return;
    await goesOn;
    // The execution itself ends.
    if (scope.signal.aborted && !scope.isCut) return;
    const place = recorded ?? replay.admit(this.#endId);
    if (place) await outer.guard(place).catch(() => undefined);
    if (recorded) return;
    const end = { type: 'value_recorded' as const, callId: this.#endId, name: SCOPE_END };
    void host.record({ ...end, value: { before: gate.unseen }, at: Date.now() });
  }

  /** The scope's time counts from its first run, across takeovers. */
  #timerOf(timeoutMs: number | undefined): RecordedTimer | undefined {
    const { replay, host } = this.#environment;
    const callId = `${SCOPE}#${this.#scope.path}`;
    const recorded = replay.timer(callId);
    if (timeoutMs === undefined || recorded) return recorded;
    const at = Date.now();
    const timer = { type: 'timer_started' as const, callId, name: SCOPE, durationMs: timeoutMs };
    void host.record({ ...timer, dueAt: at + timeoutMs, at });
    return { ...timer, dueAt: at + timeoutMs };
  }

  #limit({ callId, durationMs, dueAt }: RecordedTimer): void {
    const { replay, parking } = this.#environment;
    const timedOut = { kind: 'timed_out', reason: formatDuration(durationMs) } as const;
    const end = async (): Promise<void> => {
      await replay.afterAll();
      // A run-to-cancel goes no further than its execution had come.
      if (!this.#environment.runToCancel()) this.#cut(timedOut);
    };
    this.#timer = new LongTimer(Math.max(0, dueAt - Date.now()), () => void end());
    if (this.#scope.shielded) return;
    const wait = { callId, name: null, dueAt, drop: () => this.#timer?.clear() };
    const done = new Promise<void>((resolve) => (this.#leaveParking = resolve));
    void parking.call(() => parking.wait(wait, done));
  }

  /** A wait that the scope has given up keeps no execution from being parked. */
  #endTimer(): void {
    this.#timer?.clear();
    this.#leaveParking();
  }

  #cut(cut: ScopeCut): void {
    const { replay, host, gate } = this.#environment;
    if (this.#isOver || this.#scope.signal.aborted) return;
    this.#endTimer();
    if (!replay.hasCut(this.#cutId)) {
      const value = { ...cut, before: gate.unseen };
      const event = { type: 'value_recorded' as const, callId: this.#cutId, name: SCOPE_CUT };
      void host.record({ ...event, value, at: Date.now() });
    }
    this.#scope.cut(errorOf(cut));
  }
}

/** The reason in the record, whatever code that is not typed passes. */
function reasonOf(reason: unknown): string | null {
  if (reason === undefined || reason === null) return null;
  return clip(typeof reason === 'string' ? reason : errorInfo(reason).message, LONGEST_REASON);
}

function errorOf({ kind, reason }: ScopeCut): Error {
  if (kind === 'timed_out') return new TimeoutError(`a scope took longer than ${reason ?? 'its timeout'}`);
  if (kind === 'left') return new Error('the scope has ended');
  return new CancelledError({ reason, requestedBy: WORKFLOW, cause: 'scope' });
}
