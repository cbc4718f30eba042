import { FluxError } from '@flux/domain';
import type { ExecutionResource } from '@flux/contracts';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import type { ExecutionRecord } from '../lifecycle/execution.js';
import type { CancelCommand } from './execution-service.js';
import type { VerbParts } from './parts.js';
import { Requests } from './requests.js';
import { toResource } from './resource.js';
import { decideDelay } from '../lifecycle/delayed-cancel.js';
import { decideCancel, type CancelDecision } from '../lifecycle/cancel.js';

/** Takes cancels. */
export class Canceller extends Requests<
  CancelCommand & { readonly cause: 'request' },
  CancelDecision<ExecutionRecord>
> {
  readonly #metrics: CoreMetrics;

  constructor(parts: Pick<VerbParts, 'store' | 'writer' | 'metrics' | 'gracePeriodMs' | 'leaseMs'>) {
    const { writer, store } = parts;
    super({ writer, read: (ids) => store.readAnswers(ids) }, (record, request, now) => {
      const { delayMs = 0 } = request;
      return delayMs > 0
        ? decideDelay(record, request, delayMs, now)
        : decideCancel(record, request, parts, now);
    });
    this.#metrics = parts.metrics;
  }

  /** Resolves once the cancel is durable, with the execution as that transaction left it. */
  async cancel(command: CancelCommand): Promise<ExecutionResource> {
    const { decision, record } = await this.decide({ ...command, cause: 'request' });
    if (decision.kind === 'accepted') return toResource(record);
    this.#metrics.refused('cancel');
    throw new FluxError(
      'EXECUTION_ALREADY_FINISHED',
      `execution ${command.executionId} is ${decision.state} and cannot be cancelled`,
      { details: { state: decision.state } },
    );
  }
}
