import { formatDuration } from '@flux/domain';
import { CancelledError, TimeoutError, type CancelScope, type ScopedPromise } from '@flux/sdk';
import type { CallEnvironment } from './calls.js';
import { InFlight } from './in-flight.js';
import { SCOPE_CUT, SCOPE_END, type RecordedTimer, type ScopeCut } from './replay.js';
import { CallNumbers, Scope } from './scope.js';
import { LongTimer } from './timer.js';

/** No task has this name, since names begin with a letter or a digit. */
const SCOPE = '$scope';
/** Who asked for the cancel of a scope. */
const WORKFLOW = 'workflow';

/** A `ctx.scope`. Its calls are numbered by themselves, so that where it was cut off moves no number outside. */
export class SubScope extends Scope {
  /** What its code does after it was cut off, and after the execution's cancel: where that met it is up to chance. */
  readonly #late: Readonly<Record<'cut' | 'cleanup', CallNumbers>>;

  constructor(
    outer: Scope,
    /** Of itself and the scopes around it, from the outermost inwards. */
    readonly path: string,
  ) {
    super(outer.owner, new CallNumbers(`${path}.`), outer.shielded, new InFlight(outer.inFlight));
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

export interface SubScopeEnvironment extends Pick<
  CallEnvironment,
  'host' | 'replay' | 'parking' | 'parked' | 'numbers'
> {
  /** The oldest result that was handed in for the record and that the body has not seen yet. */
  readonly unseen: () => string | null;
  /** Runs `fn` with `scope` as that of its code. */
  runIn<T>(scope: Scope, fn: () => T): T;
}

export type ScopeFunction<T> = (scope: CancelScope) => T | PromiseLike<T>;

/** The `ctx.scope`s of one execution. */
export class SubScopes {
  constructor(private readonly environment: SubScopeEnvironment) {}

  /** Runs `fn` in a scope of its own inside `outer`. */
  run<T>(outer: Scope, fn: ScopeFunction<T>, timeoutMs: number | undefined): ScopedPromise<T> {
    try {
      this.environment.host.assertOwned?.();
      outer.check();
    } catch (error) {
      return Object.assign(Promise.reject(error as Error), { cancel: () => undefined });
    }
    const one = new SubScopeRun(outer, this.environment);
    return Object.assign(one.run(outer, fn, timeoutMs), {
      cancel: (reason?: string) => one.handle.cancel(reason),
    });
  }
}

/** One `ctx.scope` from its call to its end, at which nothing goes on that was started in it. */
class SubScopeRun {
  /** For the code that may cancel it. */
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
    environment.parked()?.touch();
    environment.replay.enter(outer.isWaiting);
    const [, path = ''] = environment.numbers(outer).take(SCOPE).split('#');
    this.#scope = new SubScope(outer, path);
    this.handle = {
      signal: this.#scope.signal,
      cancel: (reason) => this.#cut({ kind: 'cancelled', reason: reason ?? null }),
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
    const { replay, host, unseen } = this.#environment;
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
    void host.record({ ...end, value: { before: unseen() }, at: Date.now() });
  }

  /** Its time counts from its first run, across takeovers. */
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
      if (!this.#environment.parked()) this.#cut(timedOut);
    };
    this.#timer = new LongTimer(Math.max(0, dueAt - Date.now()), () => void end());
    if (this.#scope.shielded) return;
    const wait = { callId, name: null, dueAt, drop: () => this.#timer?.clear() };
    const done = new Promise<void>((resolve) => (this.#leaveParking = resolve));
    void parking.call(() => parking.wait(wait, done));
  }

  /** What it waits for no more keeps no execution from being parked. */
  #endTimer(): void {
    this.#timer?.clear();
    this.#leaveParking();
  }

  #cut(cut: ScopeCut): void {
    const { replay, host, unseen } = this.#environment;
    if (this.#isOver || this.#scope.signal.aborted) return;
    this.#endTimer();
    if (!replay.hasCut(this.#cutId)) {
      const value = { ...cut, before: unseen() };
      const event = { type: 'value_recorded' as const, callId: this.#cutId, name: SCOPE_CUT };
      void host.record({ ...event, value, at: Date.now() });
    }
    this.#scope.cut(errorOf(cut));
  }
}

function errorOf({ kind, reason }: ScopeCut): Error {
  if (kind === 'timed_out') return new TimeoutError(`a scope took longer than ${reason ?? 'its timeout'}`);
  if (kind === 'left') return new Error('the scope has ended');
  return new CancelledError({ reason, requestedBy: WORKFLOW, cause: 'scope' });
}
