import { isStorable } from '@flux/contracts/plain';
import { LongTimer } from '@flux/domain';
import { toMilliseconds, type Duration } from '@flux/sdk';
import type { Scope } from '../scope.js';
import type { CallEnvironment } from './environment.js';

/** No task has these names, since names begin with a letter or a digit. */
const SLEEP = '$sleep';

const PAUSE = '$pause.';

const LONGEST_NAME = 100;

/** The calls that wait for time or a resume, during which the execution may give its place back. */
export class ParkingCalls {
  readonly #environment: CallEnvironment;

  constructor(environment: CallEnvironment) {
    this.#environment = environment;
  }

  /** Waits; what is left of it, in a replay. */
  async sleep(scope: Scope, duration: Duration): Promise<void> {
    const durationMs = toMilliseconds(duration);
    const callId = scope.calls.take(SLEEP);
    return this.#environment.parking.call(() => this.#sleep(callId, scope, durationMs));
  }

  /** Waits for a resume and returns its value. */
  async pause(scope: Scope, name: string): Promise<unknown> {
    if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME || !isStorable(name)) {
      throw new TypeError(`the name of a pause is a text of 1 to ${LONGEST_NAME} characters, without NUL`);
    }
    const callId = scope.calls.take(`${PAUSE}${name}`);
    return this.#environment.parking.call(() => this.#pause(callId, scope, name));
  }

  async #sleep(callId: string, scope: Scope, durationMs: number): Promise<void> {
    const { gate, replay } = this.#environment;
    gate.enter(scope);
    const recorded = replay.timer(callId);
    if (recorded && (recorded.dueAt <= Date.now() || replay.hasEnded(callId))) {
      await scope.guard(replay.due(recorded));
      return this.#noteEnd(callId, scope);
    }
    const gateOpens = recorded ? gate.goOn(scope) : gate.begin(callId, scope);
    if (gateOpens) await scope.guard(gateOpens);
    scope.check();
    const at = Date.now();
    const dueAt = recorded?.dueAt ?? at + durationMs;
    const timer = { type: 'timer_started' as const, callId, name: SLEEP, durationMs, dueAt, at };
    const safe = recorded ? undefined : this.#environment.host.record(timer);
    await this.#untilDue(callId, scope, dueAt);
    this.#noteEnd(callId, scope);
    if (safe) await scope.guard(safe);
  }

  /** Records the end of a sleep that is not alone: beside other calls, the end may have decided a race. */
  #noteEnd(callId: string, scope: Scope): void {
    const { gate, host, parking, replay } = this.#environment;
    if (parking.isAlone || scope.shielded || !replay.hasAll || replay.hasEnded(callId)) return;
    const value = gate.unseen === null ? null : { before: gate.unseen };
    void host.record({ type: 'value_recorded', callId, name: SLEEP, value, at: Date.now() });
  }

  async #untilDue(callId: string, scope: Scope, dueAt: number): Promise<void> {
    const { parking } = this.#environment;
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
    const { gate, parking, replay } = this.#environment;
    gate.enter(scope);
    const recorded = replay.resumed(callId);
    if (recorded) return (await scope.guard(recorded)).value;
    if (scope.shielded) {
      throw new Error(
        `ctx.pause('${name}') cannot wait in a shield or a cancel handler, which must come to their end`,
      );
    }
    const gateOpens = gate.begin(callId, scope);
    if (gateOpens) await scope.guard(gateOpens);
    scope.check();
    const resumed = scope.guard(new Promise<never>(() => undefined));
    return parking.wait({ callId, name, dueAt: null, drop: () => undefined }, resumed);
  }
}
