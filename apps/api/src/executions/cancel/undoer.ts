import { FluxError, type ErrorCode } from '@flux/domain';
import type { ExecutionResource } from '@flux/contracts';
import { Batcher } from '../../database/batcher.js';
import { isConnectionError } from '../../database/errors.js';
import { executionNotFound, toResource } from '../execution-resource.js';
import type { ExecutionRecord } from '../execution-row.js';
import type { UndoCommand } from '../execution-service.js';
import type { ExecutionStore } from '../execution-store.js';
import type { ExecutionWriter, Step } from '../execution-writer.js';
import { decideUndo, type UndoDecision } from './decide-undo.js';

type Refusal = Exclude<UndoDecision<ExecutionRecord>, { kind: 'undone' }>;
type Reply =
  { readonly kind: 'undone'; readonly record: ExecutionRecord } | Refusal | { readonly kind: 'unknown' };

const REFUSALS: Readonly<Record<Refusal['kind'], readonly [ErrorCode, string]>> = {
  not_cancelling: ['EXECUTION_NOT_CANCELLING', 'no cancel of it is under way'],
  delivered: ['CANCEL_ALREADY_DELIVERED', 'its cancel has been delivered'],
  not_asked: ['EXECUTION_CANCELLING', 'its timeout, or the cancel of its parent, cancels it'],
  finished: ['EXECUTION_ALREADY_FINISHED', 'it has ended'],
};

/** Takes cancels back, many per transaction. */
export class Undoer {
  readonly #batcher: Batcher<UndoCommand, Reply>;

  constructor(store: ExecutionStore, writer: ExecutionWriter) {
    const plan = {
      executionId: (item: UndoCommand) => item.executionId,
      read: (ids: readonly string[]) => store.readRecords(ids),
      decide,
    };
    this.#batcher = new Batcher((items) => writer.apply(plan, items), {
      maxBatch: 200,
      flights: 2,
      failsAll: isConnectionError,
    });
  }

  /** Resolves once it is durable that no signal of the cancel will reach the body. */
  async undo(command: UndoCommand): Promise<ExecutionResource> {
    const { workflowName, executionId } = command;
    const reply = await this.#batcher.run(command);
    if (reply.kind === 'undone') return toResource(reply.record);
    if (reply.kind === 'unknown') throw executionNotFound(workflowName, executionId);
    const [code, why] = REFUSALS[reply.kind];
    const message = `the cancel of execution ${executionId} (${reply.state}) cannot be taken back: ${why}`;
    throw new FluxError(code, message, { details: { state: reply.state } });
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }
}

function decide(
  record: ExecutionRecord | undefined,
  item: UndoCommand,
  now: number,
): Step<ExecutionRecord, Reply> {
  if (record?.workflowName !== item.workflowName) return { change: null, reply: { kind: 'unknown' } };
  const decision = decideUndo(record, item, now);
  if (decision.kind !== 'undone') return { change: null, reply: decision };
  return { change: decision.change, reply: { kind: 'undone', record: decision.change.row } };
}
