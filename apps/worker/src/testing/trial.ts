import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { CheckpointEvent, FinishedEvent, HistoryEntry } from '@flux/contracts';
import {
  OwnershipLostError,
  task,
  workflow,
  type AnyWorkflow,
  type CancelledError,
  type ExecutionContext,
  type Task,
  type TaskOptions,
} from '@flux/sdk';
import type { ExecutionHost } from '../runtime/host.js';
import {
  Execution,
  type CancelSignal,
  type ExecutionStart,
  type ParkedEvent,
  type Scope,
} from '../runtime/index.js';

export const request: CancelSignal = {
  requestedBy: 'cli:ada',
  reason: 'wrong file',
  cause: 'request',
  remainingMs: 10_000,
};

/** The body of a workflow without a schema. */
type Body = (ctx: ExecutionContext, input: never) => unknown;

interface TrialOptions
  extends Partial<ExecutionHost>, Partial<Pick<ExecutionStart, 'input' | 'history' | 'cancel'>> {
  /** Events become safe only by {@link Trial.confirm}. */
  readonly manual?: boolean;
  readonly scopes?: AsyncLocalStorage<Scope>;
}

/** An execution without threads and brokers, whose sleeps and children are waited for in memory unless told otherwise. */
export class Trial {
  readonly events: CheckpointEvent[] = [];
  /** The progress that tasks told. */
  readonly progress: Array<{ readonly callId: string; readonly value: unknown }> = [];
  /** Whether it told that it only waits for children, each time that changed. */
  readonly waits: boolean[] = [];
  readonly execution: Execution;
  /** Either promise settles. */
  readonly finished: Promise<FinishedEvent>;
  readonly parked: Promise<ParkedEvent>;
  /** The `ctx` of the body; only where the trial was given nothing more than a body, and once that has begun. */
  ctx!: ExecutionContext;
  /** Whether `finished` has settled. */
  ended = false;
  readonly #unconfirmed: Array<() => void> = [];

  constructor(code: AnyWorkflow | Body, options: TrialOptions = {}) {
    const workflow = typeof code === 'function' ? flow((ctx, input) => code((this.ctx = ctx), input)) : code;
    const { manual = false, scopes = new AsyncLocalStorage<Scope>(), ...given } = options;
    const host = {
      parkAfterMs: Infinity,
      parkChildrenAfterMs: Infinity,
      maxPayloadBytes: 1024 ** 2,
      record: async (event: CheckpointEvent): Promise<void> => {
        this.events.push(event);
        if (manual) await new Promise<void>((resolve) => this.#unconfirmed.push(resolve));
        else await turn();
      },
      progress: ({ callId }: { readonly callId: string }, value: unknown) =>
        void this.progress.push({ callId, value }),
      detach: () => undefined,
      waiting: (onlyForChildren: boolean) => void this.waits.push(onlyForChildren),
      log: () => undefined,
      ...given,
    };
    const start = { executionId: 'e1', attempt: 1, input: null, history: [], cancel: null, ...given };
    this.execution = new Execution({ workflow, start, host, scopes });
    const ended = this.execution.run();
    this.parked = ended.then((event) => (event.type === 'parked' ? event : neverEnds()));
    this.finished = ended.then((event) => (event.type === 'finished' ? event : neverEnds()));
    void ended.then(() => (this.ended = true));
  }

  /** A trial whose body has come to where it waits. */
  static async begun(code: AnyWorkflow | Body, options?: TrialOptions): Promise<Trial> {
    const trial = new Trial(code, options);
    await settle();
    return trial;
  }

  /** Makes all recorded events safe. */
  confirm(): void {
    for (const resolve of this.#unconfirmed.splice(0)) resolve();
  }

  cancel(): void {
    this.execution.cancel(request);
  }

  /** Lets the body come to where it waits, cancels it, and resolves with its end. */
  async cancelled(): Promise<FinishedEvent> {
    await settle();
    this.cancel();
    return this.finished;
  }

  /** The recorded events as the next attempt gets them. */
  get history(): HistoryEntry[] {
    return this.events as unknown as HistoryEntry[];
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  get callIds(): string[] {
    return this.events.flatMap((event) => ('callId' in event && event.callId !== null ? [event.callId] : []));
  }
}

function neverEnds(): Promise<never> {
  return new Promise(() => undefined);
}

/** Some turns of the event loop: all that needs no timer and no I/O has happened then. */
export async function settle(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await turn();
}

/** The workflow of a body. */
export const flow = (body: Body): AnyWorkflow => workflow<never, unknown>('w', body);

/** What the promise rejects with; `undefined` when it resolves. */
export const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** The ownership of an execution, which ends when it is lost. */
export function ownership(): { readonly assertOwned: () => void; readonly lose: () => void } {
  let isOwned = true;
  const assertOwned = (): void => {
    if (!isOwned) throw new OwnershipLostError('others may own it');
  };
  return { assertOwned, lose: () => (isOwned = false) };
}

const HOUR_MS = 3_600_000;

/** A sleep on record; by default the first one of the body. */
export const timer = (dueAt: number, callId = '$sleep#0'): HistoryEntry => ({
  type: 'timer_started',
  callId,
  name: '$sleep',
  durationMs: HOUR_MS,
  dueAt,
});

export const done = (callId: string, output: unknown): HistoryEntry => ({
  type: 'task_completed',
  callId,
  name: callId.split('#', 1)[0] ?? '',
  output,
});

/** A promise with its end in hand. */
export function deferred<T = void>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((...ends) => ([resolve] = ends));
  return { promise, resolve };
}

/** A task body that ends when its signal aborts, and not before. */
export function untilAborted(ctx: { readonly signal: AbortSignal }): Promise<never> {
  return new Promise((_resolve, reject) => {
    ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as CancelledError));
  });
}

/** A task that returns its input. */
export const echo = task('echo', async (_ctx, input: unknown) => input);

/** A task that returns what it is opened with, and not before. */
export function gated<T = void>(
  name: string,
  options?: TaskOptions<undefined, T>,
): Task<undefined, T> & { open(output: T): void } {
  const { promise, resolve } = deferred<T>();
  return { ...task(name, () => promise, options), open: resolve };
}

/** A task all of whose tries fail. */
export const failing = <I = undefined, O = unknown>(
  message: string,
  options?: TaskOptions<I, O>,
): Task<I, O> => task('broken', () => Promise.reject(new Error(message)), options);

/** A task that ends when its signal aborts, and not before. */
export const linger = task('linger', untilAborted);
