import type { CheckpointEvent } from '@flux/contracts';
import { TaskError, toMilliseconds, type Duration, type Task, type TaskContext } from '@flux/sdk';
import { errorInfo } from './error-info.js';
import type { ExecutionHost } from './host.js';
import type { InFlight } from './in-flight.js';
import { toJson } from './json.js';
import type { ParkedPoint } from './parked-point.js';
import type { RecordedResult, Replay } from './replay.js';
import type { Scope } from './scope.js';
import { LongTimer } from './timer.js';
import { runTries } from './tries.js';

type AnyTask = Task<never, unknown>;
type TaskEvent = Extract<CheckpointEvent, { type: 'task_completed' | 'task_failed' }>;

/** No task has this name, since names begin with a letter or a digit. */
const SLEEP = '$sleep';

/** What the calls of an execution share. */
export interface CallEnvironment {
  /** What tasks get beside their signal. */
  readonly context: Omit<TaskContext, 'signal'>;
  readonly host: ExecutionHost;
  readonly replay: Replay;
  /** In a run-to-cancel only. */
  parked(): ParkedPoint | undefined;
  readonly inFlight: InFlight;
  isCancelled(): boolean;
}

/** The recorded calls of one execution: each returns its recorded result, or is made and recorded. */
export class Calls {
  constructor(private readonly environment: CallEnvironment) {}

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

  async sleep(scope: Scope, duration: Duration): Promise<void> {
    const durationMs = toMilliseconds(duration);
    const callId = scope.calls.take(SLEEP);
    scope.check();
    this.environment.parked()?.touch();
    const recorded = this.environment.replay.timer(callId);
    const isDue = recorded && recorded.dueAt <= Date.now();
    const held = isDue ? undefined : recorded ? this.#park(scope) : this.#admit(callId, scope);
    if (held) await scope.guard(held);
    scope.check();
    const safe = recorded ? undefined : this.#recordTimer(callId, durationMs);
    await wait(scope, recorded ? recorded.dueAt - Date.now() : durationMs);
    if (safe) await scope.guard(safe);
  }

  async #runAs(callId: string, scope: Scope, task: AnyTask, input: unknown): Promise<unknown> {
    const { context, host, replay, inFlight } = this.environment;
    scope.check();
    this.environment.parked()?.touch();
    const recorded = replay.result(callId);
    if (recorded) return outcome(task.name, await scope.guard(recorded));
    const held = this.#admit(callId, scope);
    if (held) await scope.guard(held);
    // From here to the task's first line nothing waits: no task begins after the cancel.
    scope.check();
    const startedAt = Date.now();
    const inCleanup = this.environment.isCancelled();
    const result = await scope.guard(runTries(task, input, context, scope, inFlight));
    const event = taskEvent({ callId, name: task.name, tries: result.tries, startedAt, inCleanup }, result);
    await scope.guard(host.record(event));
    return outcome(task.name, event);
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
    if (!parked || this.environment.isCancelled()) return undefined;
    parked.arrive();
    return scope.shielded ? undefined : new Promise(() => undefined);
  }

  #recordTimer(callId: string, durationMs: number): Promise<void> {
    const at = Date.now();
    const dueAt = at + durationMs;
    return this.environment.host.record({
      type: 'timer_started',
      callId,
      name: SLEEP,
      durationMs,
      dueAt,
      at,
    });
  }
}

async function wait(scope: Scope, durationMs: number): Promise<void> {
  let timer: LongTimer | undefined;
  const due = new Promise<void>((resolve) => {
    timer = new LongTimer(Math.max(0, durationMs), resolve);
  });
  try {
    await scope.guard(due);
  } finally {
    timer?.clear();
  }
}

type CallFacts = Pick<TaskEvent, 'callId' | 'name' | 'tries' | 'startedAt' | 'inCleanup'>;

function taskEvent(call: CallFacts, result: Awaited<ReturnType<typeof runTries>>): TaskEvent {
  const at = Date.now();
  if (!result.ok) return { type: 'task_failed', ...call, at, error: errorInfo(result.error) };
  try {
    const output = toJson(result.output, `the output of task '${call.name}'`);
    return { type: 'task_completed', ...call, at, output };
  } catch (error) {
    return { type: 'task_failed', ...call, at, error: errorInfo(error) };
  }
}

function outcome(taskName: string, result: RecordedResult | TaskEvent): unknown {
  if (result.type === 'task_failed') throw new TaskError(taskName, result.error);
  return result.output;
}
