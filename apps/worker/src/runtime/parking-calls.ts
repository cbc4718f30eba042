import { toMilliseconds, type Duration } from '@flux/sdk';
import type { CallEnvironment } from './calls.js';
import type { Scope } from './scope.js';
import { LongTimer } from './timer.js';

/** No task has these names, since names begin with a letter or a digit. */
const SLEEP = '$sleep';
const PAUSE = '$pause.';
const LONGEST_NAME = 100;

/** When a call may go on. */
export interface Admission {
  /** Every call, first of all. @throws the reason why calls are refused, once they are */
  enter(scope: Scope): void;
  /** One that is recorded as begun; `undefined`: at once. */
  goOn(scope: Scope): Promise<void> | undefined;
  /** One without a record; `undefined`: at once. */
  begin(callId: string, scope: Scope): Promise<void> | undefined;
  /** The oldest result that is on its way to the record and that the body has not seen yet. */
  unseen(): string | null;
  /** Notes such a result until it is safe; the body sees it then. */
  handIn(callId: string, safe: Promise<void>): Promise<void>;
}

/** The calls that wait for time or a resume, during which the execution may give its place back. */
export class ParkingCalls {
  constructor(
    private readonly environment: CallEnvironment,
    private readonly admission: Admission,
  ) {}

  /** Waits; what is left of it, in a replay. */
  async sleep(scope: Scope, duration: Duration): Promise<void> {
    const durationMs = toMilliseconds(duration);
    const callId = scope.calls.take(SLEEP);
    return this.environment.parking.call(() => this.#sleep(callId, scope, durationMs));
  }

  /** Waits for a resume and returns its value. */
  async pause(scope: Scope, name: string): Promise<unknown> {
    if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME) {
      throw new TypeError(`the name of a pause is a text of 1 to ${LONGEST_NAME} characters`);
    }
    const callId = scope.calls.take(`${PAUSE}${name}`);
    return this.environment.parking.call(() => this.#pause(callId, scope, name));
  }

  async #sleep(callId: string, scope: Scope, durationMs: number): Promise<void> {
    const { replay } = this.environment;
    this.admission.enter(scope);
    const recorded = replay.timer(callId);
    if (recorded && (recorded.dueAt <= Date.now() || replay.hasEnded(callId))) {
      await scope.guard(replay.due(recorded));
      return this.#noteEnd(callId, scope);
    }
    const held = recorded ? this.admission.goOn(scope) : this.admission.begin(callId, scope);
    if (held) await scope.guard(held);
    scope.check();
    const at = Date.now();
    const dueAt = recorded?.dueAt ?? at + durationMs;
    const timer = { type: 'timer_started' as const, callId, name: SLEEP, durationMs, dueAt, at };
    const safe = recorded ? undefined : this.environment.host.record(timer);
    await this.#untilDue(callId, scope, dueAt);
    this.#noteEnd(callId, scope);
    if (safe) await scope.guard(safe);
  }

  /** Beside other calls the end has its place in the record: it may have decided a race. */
  #noteEnd(callId: string, scope: Scope): void {
    const { host, parking, replay } = this.environment;
    if (parking.isAlone || scope.shielded || !replay.hasAll || replay.hasEnded(callId)) return;
    const before = this.admission.unseen();
    const value = before === null ? null : { before };
    void host.record({ type: 'value_recorded', callId, name: SLEEP, value, at: Date.now() });
  }

  async #untilDue(callId: string, scope: Scope, dueAt: number): Promise<void> {
    const { parking } = this.environment;
    let timer: LongTimer | undefined;
    const due = new Promise<void>((resolve) => {
      timer = new LongTimer(Math.max(0, dueAt - Date.now()), resolve);
    });
    const drop = (): void => timer?.clear();
    try {
      const done = scope.guard(due);
      await (scope.shielded ? done : parking.wait({ callId, name: null, dueAt, drop }, done));
    } finally {
      drop();
    }
  }

  async #pause(callId: string, scope: Scope, name: string): Promise<unknown> {
    const { parking, replay } = this.environment;
    this.admission.enter(scope);
    const recorded = replay.resumed(callId);
    if (recorded) return (await scope.guard(recorded)).value;
    if (scope.shielded) {
      throw new Error(
        `ctx.pause('${name}') cannot wait in a shield or a cancel handler, which must come to their end`,
      );
    }
    const held = this.admission.begin(callId, scope);
    if (held) await scope.guard(held);
    scope.check();
    const resumed = scope.guard(new Promise<never>(() => undefined));
    return parking.wait({ callId, name, dueAt: null, drop: () => undefined }, resumed);
  }
}
