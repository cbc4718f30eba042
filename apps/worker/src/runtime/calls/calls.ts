import { isCancelled } from '@flux/sdk';
import { PATCH } from '../replay/recorded.js';
import type { TaskCall } from '../host.js';
import type { Scope } from '../scope.js';
import { ChildCalls } from './child-calls.js';
import type { CallEnvironment } from './environment.js';
import { Lanes } from './lanes.js';
import { ParkingCalls } from './sleep-and-pause.js';
import { outcome, outputOf, taskEvent, withTaskContext, type TaskEvent } from './task-call.js';
import { runTries, type AnyTask, type TaskResult } from './tries.js';

const PATCH_ID = /^[A-Za-z0-9_.-]{1,100}$/;

/** A cancel, of a scope too, refuses neither values nor patches: cleanup needs them. */
function assertOpen(scope: Scope): void {
  if (scope.refusal && !scope.isCut && !isCancelled(scope.refusal)) throw scope.refusal;
}

/** The recorded calls of one execution: each returns its recorded result, or is made and recorded. */
export class Calls {
  readonly parking: ParkingCalls;
  readonly children: ChildCalls;
  readonly #environment: CallEnvironment;
  /** Answers of `patched`, by id. */
  readonly #patches = new Map<string, boolean>();

  constructor(environment: CallEnvironment) {
    this.#environment = environment;
    this.parking = new ParkingCalls(environment);
    this.children = new ChildCalls(environment);
  }

  async run(scope: Scope, task: AnyTask, input: unknown): Promise<unknown> {
    return this.#runAs(scope.calls.take(task.name), scope, task, input);
  }

  /** Call ids are taken for all inputs at once, so that they do not depend on which task ends first. */
  async map(
    scope: Scope,
    task: AnyTask,
    inputs: readonly unknown[],
    concurrency: number,
  ): Promise<unknown[]> {
    if (!(concurrency >= 1)) throw new RangeError(`concurrency is a number ≥ 1, not ${concurrency}`);
    const callIds = inputs.map(() => scope.calls.take(task.name));
    const outputs: unknown[] = [];
    const failures: Array<{ readonly index: number; readonly error: unknown }> = [];
    const lanes = new Lanes(concurrency);
    let next = 0;
    const one = async (index: number): Promise<void> => {
      try {
        outputs[index] = await this.#runAs(callIds[index] as string, scope, task, inputs[index]);
      } catch (error) {
        failures.push({ index, error });
      }
    };
    const all = async (): Promise<void> => {
      for (; next < inputs.length; next += 1) {
        const turn = lanes.free() ?? this.#environment.host.room?.();
        if (turn) await turn;
        if (failures.length > 0) break;
        lanes.run(one(next));
      }
      await lanes.idle();
    };
    await scope.guard(all());
    const [first] = failures.sort((a, b) => a.index - b.index);
    if (!first) return outputs;
    for (const callId of callIds.slice(next)) this.#environment.replay.skip(callId);
    throw first.error;
  }

  async pipeline(scope: Scope, input: unknown, stages: readonly AnyTask[]): Promise<unknown> {
    let value = input;
    for (const stage of stages) value = await this.run(scope, stage, value);
    return value;
  }

  /**
   * The recorded value of the call, or a new one, which is on its way to the record before any later result is.
   * A cancel does not keep it away: cleanup needs ids and times too.
   */
  value<T>(scope: Scope, name: string, make: () => T): T {
    assertOpen(scope);
    this.#environment.runToCancel()?.touch();
    return this.#recorded(this.#environment.numbers(scope).take(name), name, make);
  }

  /**
   * Whether the execution goes the new way of a change in place. The answer is on record, be it no: by the next replay
   * another branch of the body may have recorded more.
   */
  patched(scope: Scope, id: string): boolean {
    if (typeof id !== 'string' || !PATCH_ID.test(id)) {
      throw new TypeError(
        `a patch is named by 1 to 100 letters, digits, _, - or ., not ${JSON.stringify(id)}`,
      );
    }
    assertOpen(scope);
    this.#environment.runToCancel()?.touch();
    const known = this.#patches.get(id);
    if (known !== undefined) return known;
    const name = `${PATCH}${id}`;
    const answer = this.#recorded(`${name}#0`, name, () => !this.#environment.replay.goesOn);
    this.#patches.set(id, answer);
    return answer;
  }

  #recorded<T>(callId: string, name: string, make: () => T): T {
    const { replay, host } = this.#environment;
    const recorded = replay.value(callId);
    if (recorded) return recorded.value as T;
    const value = make();
    void host.record({ type: 'value_recorded', callId, name, value, at: Date.now() });
    return value;
  }

  #runAs(callId: string, scope: Scope, task: AnyTask, input: unknown): Promise<unknown> {
    return this.#environment.parking.call(() => this.#runOrReplay(callId, scope, task, input));
  }

  async #runOrReplay(callId: string, scope: Scope, task: AnyTask, input: unknown): Promise<unknown> {
    const { gate, replay, rollbacks } = this.#environment;
    gate.enter(scope);
    const recorded = replay.result(callId);
    if (recorded) {
      rollbacks.replayed(callId, task, input);
      return outcome(task.name, await scope.guard(recorded));
    }
    const gateOpens = gate.begin(callId, scope);
    if (gateOpens) await scope.guard(gateOpens);
    // Nothing waits from here to the task's first line: no task begins after the cancel.
    gate.check(scope);
    const { event, safe } = await scope.guard(
      scope.inFlight.track(() => this.#make(callId, scope, task, input)),
    );
    await scope.guard(safe);
    return outcome(task.name, event);
  }

  /** Runs the task and records its result. Rejects when an abort of `scope` ends its tries. */
  async #make(
    callId: string,
    scope: Scope,
    task: AnyTask,
    input: unknown,
  ): Promise<{ readonly event: TaskEvent; readonly safe: Promise<void> }> {
    const { context, gate, host, rollbacks } = this.#environment;
    const call = {
      callId,
      name: task.name,
      startedAt: Date.now(),
      inCleanup: this.#environment.isCancelled(),
    };
    host.taskBegins?.(call, task.rollback !== null);
    const assertOwned = host.assertOwned?.bind(host);
    let result: TaskResult;
    try {
      result = await withTaskContext(context, call, host, (own) =>
        runTries(task, input, own, scope, assertOwned),
      );
    } catch (error) {
      this.#interrupted(call, task);
      throw error;
    }
    const turn = host.breathe?.();
    if (turn) await turn;
    const event = taskEvent(call, result, host.maxPayloadBytes);
    const completed = event.type === 'task_completed';
    // A result that comes after the abort is of no use to the body. The work behind it was done all the same, so it
    // must be undone.
    if (scope.signal.aborted && !(completed && task.rollback)) {
      this.#interrupted(call, task, completed ? 'returned' : 'threw');
      return { event, safe: Promise.resolve() };
    }
    if (completed && task.rollback) rollbacks.completed({ callId, task, input, output: outputOf(event) });
    const isMoot = completed && !task.rollback && !scope.shielded;
    return { event, safe: gate.handIn(callId, host.record(event, isMoot)) };
  }

  #interrupted(call: TaskCall, task: AnyTask, settled?: 'returned' | 'threw'): void {
    this.#environment.host.taskInterrupted?.({
      type: 'task_interrupted',
      ...call,
      rollback: task.rollback !== null,
      how: 'rejected',
      ...(settled && { settled }),
      at: Date.now(),
    });
  }
}
