import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { CheckpointEvent, FinishedEvent, HistoryEntry } from '@flux/contracts';
import type { AnyWorkflow, CancelledError } from '@flux/sdk';
import { Execution, type CancelRequest, type Scope } from '../runtime/index.js';

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
  /** Events become safe only by {@link Trial.confirm}. */
  readonly manual?: boolean;
  readonly scopes?: AsyncLocalStorage<Scope>;
}

/** One execution without threads and brokers. */
export class Trial {
  readonly events: CheckpointEvent[] = [];
  readonly logs: Array<readonly [string, string]> = [];
  readonly execution: Execution;
  readonly finished: Promise<FinishedEvent>;
  /** Settled as `finished` is. */
  ended = false;
  readonly #unconfirmed: Array<() => void> = [];

  constructor(workflow: AnyWorkflow, options: TrialOptions = {}) {
    const { input = null, history = [], cancel = null, manual = false } = options;
    const host = {
      record: async (event: CheckpointEvent): Promise<void> => {
        this.events.push(event);
        if (manual) await new Promise<void>((resolve) => this.#unconfirmed.push(resolve));
        else await turn();
      },
      log: (level: string, message: string) => void this.logs.push([level, message]),
    };
    const start = { executionId: 'e1', attempt: 1, input, history, cancel };
    const scopes = options.scopes ?? new AsyncLocalStorage<Scope>();
    this.execution = new Execution(workflow, start, host, scopes);
    this.finished = this.execution.run();
    void this.finished.then(() => (this.ended = true));
  }

  /** Makes all recorded events safe. */
  confirm(): void {
    for (const resolve of this.#unconfirmed.splice(0)) resolve();
  }

  cancel(): void {
    this.execution.cancel(request);
  }

  get callIds(): string[] {
    return this.events.flatMap((event) => ('callId' in event ? [event.callId] : []));
  }
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
