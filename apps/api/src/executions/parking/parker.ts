import type { ExecutionResource } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { Batcher } from '../../database/batcher.js';
import { isConnectionError } from '../../database/errors.js';
import { executionNotFound, toResource } from '../execution-resource.js';
import type { ExecutionRecord } from '../execution-row.js';
import type { PauseCommand, ResumeCommand, Resumed } from '../execution-service.js';
import type { ExecutionStore } from '../execution-store.js';
import type { ExecutionWriter, Step } from '../execution-writer.js';
import { decidePause, type PauseDecision } from './decide-pause.js';
import { decideResume, type ResumeDecision } from './decide-resume.js';
import type { ParkingRefusal } from './refusal.js';

type Item =
  | { readonly wish: 'pause'; readonly command: PauseCommand }
  | { readonly wish: 'resume'; readonly command: ResumeCommand };
type Reply =
  | { readonly kind: 'accepted'; readonly record: ExecutionRecord; readonly kept: boolean }
  | ParkingRefusal
  | { readonly kind: 'unknown' };

/** Takes requests to pause and to resume, many per transaction and each after those that came before it. */
export class Parker {
  readonly #batcher: Batcher<Item, Reply>;

  constructor(store: ExecutionStore, writer: ExecutionWriter) {
    const plan = {
      executionId: ({ command }: Item) => command.executionId,
      read: (ids: readonly string[]) => store.readRecords(ids),
      decide,
    };
    this.#batcher = new Batcher((items) => writer.apply(plan, items), {
      maxBatch: 200,
      flights: 2,
      failsAll: isConnectionError,
    });
  }

  /** Resolves once the request is durable, with the execution as that transaction left it. */
  async pause(command: PauseCommand): Promise<ExecutionResource> {
    return (await this.#ask({ wish: 'pause', command })).execution;
  }

  /** Resolves once the resume is durable, with the execution as that transaction left it. */
  async resume(command: ResumeCommand): Promise<Resumed> {
    return this.#ask({ wish: 'resume', command });
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  async #ask(item: Item): Promise<Resumed> {
    const { workflowName, executionId } = item.command;
    const reply = await this.#batcher.run(item);
    if (reply.kind === 'accepted') return { execution: toResource(reply.record), kept: reply.kept };
    if (reply.kind === 'unknown') throw executionNotFound(workflowName, executionId);
    const code = reply.kind === 'finished' ? 'EXECUTION_ALREADY_FINISHED' : 'EXECUTION_CANCELLING';
    const message = `execution ${executionId} is ${reply.state} and cannot be ${item.wish}d`;
    throw new FluxError(code, message, { details: { state: reply.state } });
  }
}

function decide(record: ExecutionRecord | undefined, item: Item, now: number): Step<ExecutionRecord, Reply> {
  if (record?.workflowName !== item.command.workflowName) return { change: null, reply: { kind: 'unknown' } };
  const decision = decideWish(record, item, now);
  if (decision.kind !== 'accepted') return { change: null, reply: decision };
  const { change } = decision;
  const kept = 'kept' in decision && decision.kept;
  return { change, reply: { kind: 'accepted', record: change?.row ?? record, kept } };
}

function decideWish(
  record: ExecutionRecord,
  item: Item,
  now: number,
): PauseDecision<ExecutionRecord> | ResumeDecision<ExecutionRecord> {
  if (item.wish === 'pause') return decidePause(record, item.command, now);
  const { requestedBy, input } = item.command;
  return decideResume(record, { requestedBy, value: input }, now);
}
