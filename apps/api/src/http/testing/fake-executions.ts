import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import {
  eventResource,
  type EventResource,
  type ExecutionReceipt,
  type ExecutionResource,
  type ListQuery,
  type ProgressUpdate,
} from '@flux/contracts';
import { FluxError, isTerminal, type ErrorCode, type ExecutionState } from '@flux/domain';
import type {
  CancelCommand,
  ExecutionService,
  Following,
  HistoryQuery,
  JsonPieces,
  PauseCommand,
  ResumeCommand,
  Resumed,
  Started,
  UndoCommand,
} from '../../executions/execution-service.js';
import { within } from '../../flow/within.js';
import type { ReceiptWish } from '../../executions/receipt.js';
import { toResource, type ToldEvent } from '../../executions/resource.js';
import { newRecord } from '../../lifecycle/execution.js';
import type { StartCommand } from '../../lifecycle/start.js';

interface Entry {
  execution: ExecutionResource;
  readonly events: EventResource[];
}

/** An ExecutionService in memory, whose executions do what the test says. */
export class FakeExecutions implements ExecutionService {
  readonly starts: StartCommand[] = [];
  readonly cancels: CancelCommand[] = [];
  readonly undos: UndoCommand[] = [];
  readonly resumes: ResumeCommand[] = [];
  readonly lists: ListQuery[] = [];
  readonly receipts: ReceiptWish[] = [];
  /** How many follows have not ended. */
  following = 0;
  /** A fault that is thrown, or a gate that is awaited, before anything is done. */
  fault: Error | Promise<never> | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly progressListeners = new Set<(update: ProgressUpdate) => void>();
  readonly #changes = new EventEmitter().setMaxListeners(0);

  async start(command: StartCommand): Promise<Started> {
    await this.#trip();
    this.starts.push(command);
    if (command.workflowName !== 'known')
      throw new FluxError('WORKFLOW_NOT_FOUND', 'there is no such workflow');
    if (command.input === 'bad') {
      throw new FluxError('INVALID_INPUT', 'the input does not fit', {
        details: { errors: [{ path: 'input', message: 'is bad' }] },
      });
    }
    const { executionId: id = randomUUID(), ...given } = command;
    const present = this.#entries.get(id);
    if (present) return { execution: present.execution, created: false };
    const none = { timeoutAt: null, gracePeriodMs: null, nextDispatchAt: null };
    const execution = toResource(newRecord({ id, ...given, ...none, createdAt: Date.now() }));
    this.#entries.set(id, { execution, events: [] });
    this.move(id, 'SCHEDULED', 'execution_scheduled');
    return { execution: this.#entry(id).execution, created: true };
  }

  async cancel(command: CancelCommand): Promise<ExecutionResource> {
    await this.#trip();
    this.cancels.push(command);
    const { state } = this.#entry(command.executionId).execution;
    if (state === 'COMPLETED' || state === 'FAILED') throw refusal('EXECUTION_ALREADY_FINISHED', state);
    if (state === 'SCHEDULED') this.move(command.executionId, 'CANCELLED', 'execution_cancelled');
    if (state === 'RUNNING') this.move(command.executionId, 'CANCELLING', 'cancel_requested');
    return this.#entry(command.executionId).execution;
  }

  async undoCancel(command: UndoCommand): Promise<ExecutionResource> {
    await this.#trip();
    this.undos.push(command);
    const { state } = this.#entry(command.executionId, command.workflowName).execution;
    if (state !== 'CANCELLING') throw refusal('EXECUTION_NOT_CANCELLING', state);
    this.move(command.executionId, 'SLEEPING', 'cancel_undone');
    return this.#entry(command.executionId).execution;
  }

  async pause(command: PauseCommand): Promise<ExecutionResource> {
    if (this.#parkable(command) === 'SCHEDULED') this.move(command.executionId, 'PAUSED', 'execution_paused');
    return this.#entry(command.executionId).execution;
  }

  async resume(command: ResumeCommand): Promise<Resumed> {
    const kept = this.#parkable(command) !== 'PAUSED';
    this.resumes.push(command);
    if (!kept) this.move(command.executionId, 'SCHEDULED', 'execution_resumed');
    return { execution: this.#entry(command.executionId).execution, kept };
  }

  answer(execution: ExecutionResource): JsonPieces {
    return inOnePiece(() => execution);
  }

  status(workflowName: string, executionId: string, detailed: boolean): JsonPieces {
    return inOnePiece(async () => {
      await this.#trip();
      const { execution, events } = this.#entry(executionId, workflowName);
      return detailed ? { ...execution, events } : execution;
    });
  }

  history(workflowName: string, executionId: string, query: HistoryQuery): JsonPieces {
    return inOnePiece(() => {
      const { events } = this.#entry(executionId, workflowName);
      const rest = events.filter(({ seq }) => seq > query.afterSeq);
      const items = rest.slice(0, query.limit);
      return { items, nextCursor: rest.length > items.length ? String(items.at(-1)?.seq) : null };
    });
  }

  async receipt(workflowName: string, executionId: string, wish: ReceiptWish): Promise<ExecutionReceipt> {
    this.receipts.push(wish);
    await this.#trip();
    const { state, attempt, createdAt, startedAt, finishedAt, cancellation } = this.#entry(
      executionId,
      workflowName,
    ).execution;
    const part = { count: 0, items: [], nextCursor: null };
    return {
      executionId,
      workflowName,
      state,
      isOver: finishedAt !== null,
      attempt,
      createdAt,
      startedAt,
      finishedAt,
      cancellation,
      completed: part,
      failed: part,
      undone: { ...part, failures: 0 },
      cutOff: part,
      lostOwners: part,
      underWay: { count: 0, items: [] },
    };
  }

  list(query: ListQuery): JsonPieces {
    this.lists.push(query);
    const items = [...this.#entries.values()].map(({ execution }) => execution);
    return inOnePiece(() => ({ items, nextCursor: null }));
  }

  async find(workflowName: string, executionId: string): Promise<void> {
    await this.#trip();
    this.#entry(executionId, workflowName);
  }

  async waitUntilTerminal(id: string, timeoutMs: number, signal: AbortSignal): Promise<ExecutionResource> {
    const endsAt = Date.now() + timeoutMs;
    while (!isTerminal(this.#entry(id).execution.state) && !signal.aborted && Date.now() < endsAt) {
      await this.#change(endsAt - Date.now(), signal);
    }
    await this.#trip();
    return this.#entry(id).execution;
  }

  async *follow({ executionId: id, afterSeq, signal }: Following): AsyncIterable<ToldEvent[]> {
    this.following += 1;
    try {
      let seen = afterSeq;
      while (!signal.aborted) {
        const { events, execution } = this.#entry(id);
        const batch = events.filter(({ seq }) => seq > seen);
        if (batch.length > 0) yield batch.map((event) => ({ ...event, json: JSON.stringify(event) }));
        seen = events.at(-1)?.seq ?? seen;
        if (isTerminal(execution.state)) return;
        await this.#change(60_000, signal);
        await this.#trip();
      }
    } finally {
      this.following -= 1;
      this.changed();
    }
  }

  onProgress(_id: string, listener: (update: ProgressUpdate) => void): () => void {
    this.progressListeners.add(listener);
    return () => void this.progressListeners.delete(listener);
  }

  /** Brings an execution into a state, with its event. */
  move(id: string, state: ExecutionState, type: string): void {
    const entry = this.#entry(id);
    entry.execution = { ...entry.execution, state };
    const at = new Date().toISOString();
    const event = { seq: entry.events.length + 1, type, at, attempt: 1, data: {} };
    entry.events.push(eventResource.parse(event));
    this.changed();
  }

  /** Resolves once `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#change(50, new AbortController().signal);
  }

  changed(): void {
    this.#changes.emit('changed');
  }

  #parkable({ workflowName, executionId }: PauseCommand | ResumeCommand): ExecutionState {
    const { state } = this.#entry(executionId, workflowName).execution;
    if (state === 'CANCELLING') throw refusal('EXECUTION_CANCELLING', state);
    if (isTerminal(state)) throw refusal('EXECUTION_ALREADY_FINISHED', state);
    return state;
  }

  async #trip(): Promise<void> {
    if (this.fault instanceof Error) throw this.fault;
    await this.fault;
  }

  async #change(withinMs: number, signal: AbortSignal): Promise<void> {
    const change = once(this.#changes, 'changed', { signal }).catch(() => undefined);
    await within(withinMs, change, () => undefined);
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  #entry(id: string, workflowName?: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry || (workflowName ?? entry.execution.workflowName) !== entry.execution.workflowName) {
      throw new FluxError('EXECUTION_NOT_FOUND', 'there is no such execution');
    }
    return entry;
  }
}

function inOnePiece(read: () => unknown): JsonPieces {
  return { next: async () => ({ done: true, value: JSON.stringify(await read()) }) };
}

function refusal(code: ErrorCode, state: ExecutionState): FluxError {
  return new FluxError(code, `it is ${state}`, { details: { state } });
}
