import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { CheckpointEvent, FinishedEvent, HistoryEntry } from '@flux/contracts';
import type { AnyWorkflow, CancelledError } from '@flux/sdk';
import { Execution, type CancelRequest, type ParkedEvent, type Scope } from '../runtime/index.js';

export const request: CancelRequest = {
  requestedBy: 'cli:ada',
  reason: 'wrong file',
  cause: 'request',
  remainingMs: 10_000,
};

interface TrialOptions {
  readonly input?: unknown;
  readonly history?: readonly HistoryEntry[];
  readonly cancel?: CancelRequest;
  /** Default: sleeps never park. */
  readonly parkAfterMs?: number;
  /** Default: waiting for children never parks. */
  readonly parkChildrenAfterMs?: number;
  /** Events become safe only by {@link Trial.confirm}. */
  readonly manual?: boolean;
  readonly scopes?: AsyncLocalStorage<Scope>;
  /** Default 1 MiB. */
  readonly maxPayloadBytes?: number;
  /** Absent: nobody else can own the execution. */
  readonly assertOwned?: () => void;
}

/** One execution without threads and brokers. */
export class Trial {
  readonly events: CheckpointEvent[] = [];
  readonly logs: Array<readonly [string, string]> = [];
  /** What tasks told of their progress, with the time of `performance.now()`. */
  readonly progress: Array<{ readonly callId: string; readonly value: unknown; readonly at: number }> = [];
  readonly execution: Execution;
  /** One of the two settles. */
  readonly finished: Promise<FinishedEvent>;
  readonly parked: Promise<ParkedEvent>;
  /** Settled as `finished` is. */
  ended = false;
  readonly #unconfirmed: Array<() => void> = [];

  constructor(workflow: AnyWorkflow, options: TrialOptions = {}) {
    const { input = null, history = [], cancel = null, manual = false } = options;
    const host = {
      parkAfterMs: options.parkAfterMs ?? Infinity,
      parkChildrenAfterMs: options.parkChildrenAfterMs ?? Infinity,
      record: async (event: CheckpointEvent): Promise<void> => {
        this.events.push(event);
        if (manual) await new Promise<void>((resolve) => this.#unconfirmed.push(resolve));
        else await turn();
      },
      progress: ({ callId }: { readonly callId: string }, value: unknown) =>
        void this.progress.push({ callId, value, at: performance.now() }),
      maxPayloadBytes: options.maxPayloadBytes ?? 1024 ** 2,
      log: (level: string, message: string) => void this.logs.push([level, message]),
      ...(options.assertOwned && { assertOwned: options.assertOwned }),
    };
    const start = { executionId: 'e1', attempt: 1, input, history, cancel };
    const scopes = options.scopes ?? new AsyncLocalStorage<Scope>();
    this.execution = new Execution(workflow, start, host, scopes);
    const ended = this.execution.run();
    this.parked = ended.then((event) => (event.type === 'parked' ? event : neverEnds()));
    this.finished = ended.then((event) => (event.type === 'finished' ? event : neverEnds()));
    void ended.then(() => (this.ended = true));
  }

  /** Makes all recorded events safe. */
  confirm(): void {
    for (const resolve of this.#unconfirmed.splice(0)) resolve();
  }

  cancel(): void {
    this.execution.cancel(request);
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

export const done = (callId: string, output: unknown): HistoryEntry => ({
  type: 'task_completed',
  callId,
  name: callId.split('#', 1)[0] ?? '',
  output,
});

/** A promise with its ends in hand. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
} {
  let ends: Pick<ReturnType<typeof deferred<T>>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => (ends = { resolve, reject }));
  return { promise, resolve: (value) => ends?.resolve(value), reject: (error) => ends?.reject(error) };
}

/** A task body that ends when its signal aborts, and not before. */
export function untilAborted(ctx: { readonly signal: AbortSignal }): Promise<never> {
  return new Promise((_resolve, reject) => {
    ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as CancelledError));
  });
}
