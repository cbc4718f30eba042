import { Batcher } from '../flow/batcher.js';
import type { Change } from '../lifecycle/change.js';
import type { ExecutionRecord } from '../lifecycle/execution.js';
import type { RowChange } from './execution-writer.js';
import { REQUEST_BATCHES, type VerbParts } from './parts.js';
import { executionNotFound } from './resource.js';

/** What is decided about a request, perhaps with a change. */
interface RequestDecision<Row extends ExecutionRecord> {
  readonly kind: string;
  readonly change?: Change<Row> | null;
}

export interface RequestParts<Row> extends Pick<VerbParts, 'writer'> {
  /** Resolves with the executions with these ids, and with what the decision needs beside them. */
  readonly read: (ids: readonly string[]) => Promise<Row[]>;
}

/** A decision that counts, with the execution as its transaction left it. */
interface Decided<D> {
  readonly decision: D;
  readonly record: ExecutionRecord;
}

/** Takes requests of one kind about executions, many per transaction and each after those that came before it. */
export abstract class Requests<
  Request extends { readonly workflowName: string; readonly executionId: string },
  D extends RequestDecision<Row>,
  Row extends ExecutionRecord = ExecutionRecord,
> {
  readonly #batcher: Batcher<Request, Decided<D> | undefined>;

  /** @param decide pure */
  constructor(
    { writer, read }: RequestParts<Row>,
    decide: (record: Row, request: Request, now: number) => D,
  ) {
    const plan: RowChange<Request, Row, Decided<D> | undefined> = {
      executionId: ({ executionId }) => executionId,
      read,
      decide: (record, request, now) => {
        if (record?.workflowName !== request.workflowName) return { change: null, reply: undefined };
        const decision = decide(record, request, now);
        const change = decision.change ?? null;
        return { change, reply: { decision, record: change?.row ?? record } };
      },
    };
    this.#batcher = new Batcher((requests) => writer.apply(plan, requests), REQUEST_BATCHES);
  }

  /**
   * Resolves once the decision is durable.
   * @throws FluxError `EXECUTION_NOT_FOUND`
   */
  protected async decide(request: Request): Promise<Decided<D>> {
    const decided = await this.#batcher.run(request);
    if (!decided) throw executionNotFound(request.workflowName, request.executionId);
    return decided;
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }
}
