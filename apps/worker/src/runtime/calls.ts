import { isCancelled, type ChildHandle, type ChildOptions, type Duration } from '@flux/sdk';
import { ChildCalls } from './child-calls.js';
import type { ChildEnds } from './child-ends.js';
import type { ExecutionHost } from './host.js';
import type { LastCall } from './last-call.js';
import type { ParkedPoint } from './parked-point.js';
import type { Parking } from './parking.js';
import { ParkingCalls, type Admission } from './parking-calls.js';
import { PATCH, type Replay } from './replay.js';
import type { Rollbacks } from './rollbacks.js';
import type { CallNumbers, Scope } from './scope.js';
import {
  outcome,
  outputOf,
  taskEvent,
  withTaskContext,
  type AnyTask,
  type SharedContext,
  type TaskEvent,
} from './task-call.js';
import { runTries } from './tries.js';

/** What the calls of an execution share. */
export interface CallEnvironment {
  readonly context: SharedContext;
  readonly host: ExecutionHost;
  readonly replay: Replay;
  readonly rollbacks: Rollbacks;
  /** In a run-to-cancel only. */
  parked(): ParkedPoint | undefined;
  readonly parking: Parking;
  readonly ends: ChildEnds;
  readonly lastCall: LastCall;
  isCancelled(): boolean;
  /** Numbers the calls that are made in `scope` now. */
  numbers(scope: Scope): CallNumbers;
}

/** A call of a task that has no result yet. */
interface NewCall {
  readonly callId: string;
  readonly task: AnyTask;
  readonly input: unknown;
}

const PATCH_ID = /^[A-Za-z0-9_.-]{1,100}$/;

/** A cancel, of a scope too, refuses neither values nor patches: cleanup needs them. */
function assertOpen(scope: Scope): void {
  if (scope.refusal && !scope.isCut && !isCancelled(scope.refusal)) throw scope.refusal;
}

/** The recorded calls of one execution: each returns its recorded result, or is made and recorded. */
export class Calls {
  readonly #parking: ParkingCalls;
  /** Results of the body on their way to the record, oldest first. */
  readonly #unseen = new Set<string>();
  /** Answers of `patched`, by id. */
  readonly #patches = new Map<string, boolean>();
  readonly #children: ChildCalls;

  constructor(private readonly environment: CallEnvironment) {
    const admission: Admission = {
      enter: (scope) => this.#enter(scope),
      goOn: (scope) => this.#park(scope),
      begin: (callId, scope) => this.#admit(callId, scope),
      unseen: () => this.unseen,
      handIn: (callId, safe) => this.#handIn(callId, safe),
    };
    this.#parking = new ParkingCalls(environment, admission);
    this.#children = new ChildCalls(environment, admission);
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
    const failures = new Map<number, unknown>();
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < inputs.length && failures.size === 0) {
        const index = next;
        next += 1;
        try {
          outputs[index] = await this.#runAs(callIds[index] as string, scope, task, inputs[index]);
        } catch (error) {
          failures.set(index, error);
        }
      }
    };
    const lanes = Math.min(Math.floor(concurrency), inputs.length);
    await scope.guard(Promise.all(Array.from({ length: lanes }, lane)));
    if (failures.size === 0) return outputs;
    for (const callId of callIds.slice(next)) this.environment.replay.skip(callId);
    throw failures.get(Math.min(...failures.keys()));
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
    this.environment.parked()?.touch();
    return this.#recorded(this.environment.numbers(scope).take(name), name, make);
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
    this.environment.parked()?.touch();
    const known = this.#patches.get(id);
    if (known !== undefined) return known;
    const name = `${PATCH}${id}`;
    const answer = this.#recorded(`${name}#0`, name, () => !this.environment.replay.goesOn);
    this.#patches.set(id, answer);
    return answer;
  }

  #recorded<T>(callId: string, name: string, make: () => T): T {
    const { replay, host } = this.environment;
    const recorded = replay.value(callId);
    if (recorded) return recorded.value as T;
    const value = make();
    void host.record({ type: 'value_recorded', callId, name, value, at: Date.now() });
    return value;
  }

  /** The oldest result that is on its way to the record and that the body has not seen yet. */
  get unseen(): string | null {
    const [oldest = null] = this.#unseen;
    return oldest;
  }

  sleep(scope: Scope, duration: Duration): Promise<void> {
    return this.#parking.sleep(scope, duration);
  }

  pause(scope: Scope, name: string): Promise<unknown> {
    return this.#parking.pause(scope, name);
  }

  call(scope: Scope, workflow: unknown, input: unknown, options?: ChildOptions): Promise<unknown> {
    return this.#children.call(scope, workflow, input, options);
  }

  /** @param scopeNow the scope of the code that calls */
  start(
    scopeNow: () => Scope,
    workflow: unknown,
    input: unknown,
    options?: ChildOptions,
  ): Promise<ChildHandle<unknown>> {
    return this.#children.start(scopeNow(), scopeNow, workflow, input, options);
  }

  #runAs(callId: string, scope: Scope, task: AnyTask, input: unknown): Promise<unknown> {
    return this.environment.parking.call(() => this.#runOrReplay(callId, scope, task, input));
  }

  async #runOrReplay(callId: string, scope: Scope, task: AnyTask, input: unknown): Promise<unknown> {
    const { replay, rollbacks } = this.environment;
    this.#enter(scope);
    const recorded = replay.result(callId);
    if (recorded) {
      rollbacks.replayed(callId, task, input);
      return outcome(task.name, await scope.guard(recorded));
    }
    const held = this.#admit(callId, scope);
    if (held) await scope.guard(held);
    // From here to the task's first line nothing waits: no task begins after the cancel.
    this.#check(scope);
    const { event, safe } = await scope.guard(
      scope.inFlight.track(() => this.#make(scope, { callId, task, input })),
    );
    await scope.guard(safe);
    return outcome(task.name, event);
  }

  /** Runs the task and records its result. Rejects when an abort of `scope` ends its tries. */
  async #make(
    scope: Scope,
    { callId, task, input }: NewCall,
  ): Promise<{ readonly event: TaskEvent; readonly safe: Promise<void> }> {
    const { context, host, rollbacks } = this.environment;
    const call = {
      callId,
      name: task.name,
      startedAt: Date.now(),
      inCleanup: this.environment.isCancelled(),
    };
    const assertOwned = host.assertOwned?.bind(host);
    const result = await withTaskContext(context, call, host, (own) =>
      runTries(task, input, own, scope, assertOwned),
    );
    const event = taskEvent(call, result, host.maxPayloadBytes);
    const completed = event.type === 'task_completed';
    // What ends after the abort is of no use to the body; but what has been done then must be undone.
    if (scope.signal.aborted && !(completed && task.rollback)) return { event, safe: Promise.resolve() };
    if (completed && task.rollback) rollbacks.completed({ callId, task, input, output: outputOf(event) });
    return { event, safe: this.#handIn(callId, host.record(event)) };
  }

  #handIn(callId: string, safe: Promise<void>): Promise<void> {
    this.#unseen.add(callId);
    void safe.then(() => this.#unseen.delete(callId));
    return safe;
  }

  #check(scope: Scope): void {
    this.environment.host.assertOwned?.();
    scope.check();
  }

  #enter(scope: Scope): void {
    this.#check(scope);
    this.environment.parked()?.touch();
    this.environment.replay.enter(scope.isWaiting);
  }

  /** When a call without a result may be made: after all that have one; `undefined`: at once. */
  #admit(callId: string, scope: Scope): Promise<void> | undefined {
    const admitted = this.environment.replay.admit(callId);
    if (!admitted) return this.#park(scope);
    return admitted.then(() => this.#park(scope));
  }

  /** In a run-to-cancel waits for the signal, which settles no promise of ours; in a shield nothing waits for it. */
  #park(scope: Scope): Promise<void> | undefined {
    const parked = this.environment.parked();
    if (!parked || this.environment.isCancelled()) {
      return scope.shielded ? undefined : this.environment.parking.gate();
    }
    parked.arrive();
    return scope.shielded ? undefined : new Promise(() => undefined);
  }
}
