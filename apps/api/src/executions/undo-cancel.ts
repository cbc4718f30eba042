import { FluxError, type ErrorCode } from '@flux/domain';
import type { ExecutionResource } from '@flux/contracts';
import type { ExecutionRecord } from '../lifecycle/execution.js';
import type { UndoDecision } from '../lifecycle/undo-cancel.js';
import type { UndoCommand } from './execution-service.js';
import type { VerbParts } from './parts.js';
import { Requests } from './requests.js';
import { toResource } from './resource.js';

type Undo = UndoDecision<ExecutionRecord>;

const REFUSALS: Readonly<Record<Exclude<Undo['kind'], 'undone'>, readonly [ErrorCode, string]>> = {
  not_cancelling: ['EXECUTION_NOT_CANCELLING', 'no cancel of it is under way'],
  delivered: ['CANCEL_ALREADY_DELIVERED', 'its cancel has been delivered'],
  not_asked: ['EXECUTION_CANCELLING', 'its timeout, or the cancel of its parent, cancels it'],
  finished: ['EXECUTION_ALREADY_FINISHED', 'it has ended'],
};

/** Takes cancels back. */
export class Undoer extends Requests<UndoCommand, Undo> {
  constructor(parts: Pick<VerbParts, 'store' | 'writer' | 'decisions'>) {
    const { writer, store, decisions } = parts;
    super({ writer, read: (ids) => store.readAnswers(ids) }, decisions.decideUndo);
  }

  /** Resolves once it is durable that no signal of the cancel will reach the body. */
  async undo(command: UndoCommand): Promise<ExecutionResource> {
    const { decision, record } = await this.decide(command);
    if (decision.kind === 'undone') return toResource(record);
    const { kind, state } = decision;
    const [code, why] = REFUSALS[kind];
    const message = `the cancel of execution ${command.executionId} (${state}) cannot be taken back: ${why}`;
    throw new FluxError(code, message, { details: { state } });
  }
}
