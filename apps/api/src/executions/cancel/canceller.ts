import { FluxError } from '@flux/domain';
import type { ExecutionResource } from '@flux/contracts';
import { Batcher } from '../../database/batcher.js';
import { isConnectionError } from '../../database/errors.js';
import type { CoreMetrics } from '../../metrics/core-metrics.js';
import type { ExecutionRecord } from '../execution-row.js';
import type { CancelCommand } from '../execution-service.js';
import type { ExecutionStore } from '../execution-store.js';
import type { ExecutionWriter, Step } from '../execution-writer.js';
import { executionNotFound, toResource } from '../execution-resource.js';
import { decideDelay } from './decide-delay.js';
import { decideCancel, type CancelDecision } from './decide-cancel.js';

type Reply = { readonly kind: 'accepted'; readonly record: ExecutionRecord } | Refusal;
type Refusal = Exclude<CancelDecision<ExecutionRecord>, { kind: 'accepted' }> | { readonly kind: 'unknown' };
type Item = CancelCommand & { readonly cause: 'request' };

/** Takes cancels, many per transaction. */
export class Canceller {
  readonly #batcher: Batcher<Item, Reply>;
  readonly #metrics: CoreMetrics;
  readonly #defaultGraceMs: number;

  constructor(store: ExecutionStore, writer: ExecutionWriter, metrics: CoreMetrics, defaultGraceMs: number) {
    this.#metrics = metrics;
    this.#defaultGraceMs = defaultGraceMs;
    const plan = {
      executionId: (item: Item) => item.executionId,
      read: (ids: readonly string[]) => store.readRecords(ids),
      decide: (record: ExecutionRecord | undefined, item: Item, now: number) =>
        this.#decide(record, item, now),
    };
    this.#batcher = new Batcher((items) => writer.apply(plan, items), {
      maxBatch: 200,
      flights: 2,
      failsAll: isConnectionError,
    });
  }

  /** Resolves once the cancel is durable, with the execution as that transaction left it. */
  async cancel(command: CancelCommand): Promise<ExecutionResource> {
    const reply = await this.#batcher.run({ ...command, cause: 'request' });
    if (reply.kind === 'accepted') return toResource(reply.record);
    if (reply.kind === 'unknown') throw executionNotFound(command.workflowName, command.executionId);
    this.#metrics.refused('cancel');
    throw new FluxError(
      'EXECUTION_ALREADY_FINISHED',
      `execution ${command.executionId} is ${reply.state} and cannot be cancelled`,
      { details: { state: reply.state } },
    );
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  #decide(record: ExecutionRecord | undefined, item: Item, now: number): Step<ExecutionRecord, Reply> {
    if (record?.workflowName !== item.workflowName) return { change: null, reply: { kind: 'unknown' } };
    const { delayMs = 0 } = item;
    const decision =
      delayMs > 0
        ? decideDelay(record, item, delayMs, now)
        : decideCancel(record, item, this.#defaultGraceMs, now);
    if (decision.kind === 'finished') return { change: null, reply: decision };
    const after = decision.change?.row ?? record;
    return { change: decision.change, reply: { kind: 'accepted', record: after } };
  }
}
