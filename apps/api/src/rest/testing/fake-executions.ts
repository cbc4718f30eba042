import type {
  EventPage,
  EventResource,
  ExecutionPage,
  ExecutionResource,
  ListQuery,
  ProgressUpdate,
} from '@flux/contracts';
import { FluxError, isTerminal, type ExecutionState } from '@flux/domain';
import type {
  CancelCommand,
  ExecutionService,
  HistoryQuery,
  PauseCommand,
  ResumeCommand,
  Resumed,
  StartCommand,
  Started,
  UndoCommand,
} from '../../executions/execution-service.js';

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
  /** How many follows have not ended. */
  following = 0;
  /** Thrown, or awaited, before anything is done. */
  fault: Error | Promise<never> | undefined;
  private readonly entries = new Map<string, Entry>();
  readonly progressListeners = new Set<(update: ProgressUpdate) => void>();
  private readonly listeners = new Set<() => void>();
  private counter = 0;

  async start(command: StartCommand): Promise<Started> {
    await this.trip();
    this.starts.push(command);
    if (command.workflowName !== 'known')
      throw new FluxError('WORKFLOW_NOT_FOUND', 'there is no such workflow');
    if (command.input === 'bad') {
      throw new FluxError('INVALID_INPUT', 'the input does not fit', {
        details: { errors: [{ path: 'input', message: 'is bad' }] },
      });
    }
    const id = command.executionId ?? this.nextId();
    const present = this.entries.get(id);
    if (present) return { execution: present.execution, created: false };
    const execution = scheduled(id, command);
    this.entries.set(id, { execution, events: [] });
    this.move(id, 'SCHEDULED', 'execution_scheduled');
    return { execution: this.entry(id).execution, created: true };
  }

  async cancel(command: CancelCommand): Promise<ExecutionResource> {
    await this.trip();
    this.cancels.push(command);
    const { execution } = this.entry(command.executionId);
    if (execution.state === 'COMPLETED' || execution.state === 'FAILED') {
      throw new FluxError('EXECUTION_ALREADY_FINISHED', 'it has finished', {
        details: { state: execution.state },
      });
    }
    if (execution.state === 'SCHEDULED') this.move(command.executionId, 'CANCELLED', 'execution_cancelled');
    if (execution.state === 'RUNNING') this.move(command.executionId, 'CANCELLING', 'cancel_requested');
    return this.entry(command.executionId).execution;
  }

  async undoCancel(command: UndoCommand): Promise<ExecutionResource> {
    await this.trip();
    this.undos.push(command);
    const { execution } = this.entry(command.executionId, command.workflowName);
    if (execution.state !== 'CANCELLING') {
      throw new FluxError('EXECUTION_NOT_CANCELLING', 'it is not cancelled', {
        details: { state: execution.state },
      });
    }
    this.move(command.executionId, 'SLEEPING', 'cancel_undone');
    return this.entry(command.executionId).execution;
  }

  async pause(command: PauseCommand): Promise<ExecutionResource> {
    const { state } = this.parkable(command);
    if (state === 'SCHEDULED') this.move(command.executionId, 'PAUSED', 'execution_paused');
    return this.entry(command.executionId).execution;
  }

  async resume(command: ResumeCommand): Promise<Resumed> {
    const kept = this.parkable(command).state !== 'PAUSED';
    this.resumes.push(command);
    if (!kept) this.move(command.executionId, 'SCHEDULED', 'execution_resumed');
    return { execution: this.entry(command.executionId).execution, kept };
  }

  async get(workflowName: string, executionId: string, detailed: boolean): Promise<ExecutionResource> {
    await this.trip();
    const { execution, events } = this.entry(executionId, workflowName);
    return detailed ? { ...execution, events } : execution;
  }

  async history(workflowName: string, executionId: string, query: HistoryQuery): Promise<EventPage> {
    const { events } = this.entry(executionId, workflowName);
    const rest = events.filter(({ seq }) => seq > query.afterSeq);
    const items = rest.slice(0, query.limit);
    return { items, nextCursor: rest.length > items.length ? String(items.at(-1)?.seq) : null };
  }

  async list(query: ListQuery): Promise<ExecutionPage> {
    this.lists.push(query);
    return { items: [...this.entries.values()].map(({ execution }) => execution), nextCursor: null };
  }

  async waitUntilTerminal(id: string, timeoutMs: number, signal: AbortSignal): Promise<ExecutionResource> {
    const endsAt = Date.now() + timeoutMs;
    while (!isTerminal(this.entry(id).execution.state) && !signal.aborted && Date.now() < endsAt) {
      await this.change(endsAt - Date.now(), signal);
    }
    await this.trip();
    return this.entry(id).execution;
  }

  async *follow(id: string, afterSeq: number, signal: AbortSignal): AsyncIterable<EventResource[]> {
    this.following += 1;
    try {
      let seen = afterSeq;
      while (!signal.aborted) {
        const { events, execution } = this.entry(id);
        const batch = events.filter(({ seq }) => seq > seen);
        if (batch.length > 0) yield batch;
        seen = events.at(-1)?.seq ?? seen;
        if (isTerminal(execution.state)) return;
        await this.change(60_000, signal);
        await this.trip();
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
    const entry = this.entry(id);
    entry.execution = { ...entry.execution, state };
    const at = new Date().toISOString();
    entry.events.push({ seq: entry.events.length + 1, type, at, attempt: 1, data: {} });
    this.changed();
  }

  /** Resolves once `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.change(50, new AbortController().signal);
  }

  changed(): void {
    for (const listener of this.listeners) listener();
  }

  private parkable({ workflowName, executionId }: PauseCommand | ResumeCommand): ExecutionResource {
    const { execution } = this.entry(executionId, workflowName);
    const { state } = execution;
    if (state === 'CANCELLING')
      throw new FluxError('EXECUTION_CANCELLING', 'it is cancelled', { details: { state } });
    if (isTerminal(state))
      throw new FluxError('EXECUTION_ALREADY_FINISHED', 'it has finished', { details: { state } });
    return execution;
  }

  private async trip(): Promise<void> {
    if (this.fault instanceof Error) throw this.fault;
    await this.fault;
  }

  private async change(withinMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.listeners.delete(settle);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      const timer = setTimeout(settle, withinMs);
      this.listeners.add(settle);
      signal.addEventListener('abort', settle);
    });
  }

  has(id: string): boolean {
    return this.entries.has(id);
  }

  private entry(id: string, workflowName?: string): Entry {
    const entry = this.entries.get(id);
    if (!entry || (workflowName ?? entry.execution.workflowName) !== entry.execution.workflowName) {
      throw new FluxError('EXECUTION_NOT_FOUND', 'there is no such execution');
    }
    return entry;
  }

  private nextId(): string {
    this.counter += 1;
    return `01920000-0000-7000-8000-${String(this.counter).padStart(12, '0')}`;
  }
}

function scheduled(executionId: string, command: StartCommand): ExecutionResource {
  return {
    executionId,
    workflowName: command.workflowName,
    version: null,
    state: 'SCHEDULED',
    input: command.input,
    output: null,
    error: null,
    attempt: 0,
    workerId: null,
    labels: { ...command.labels },
    parentExecutionId: null,
    rootExecutionId: null,
    createdAt: new Date().toISOString(),
    startedAt: null,
    finishedAt: null,
    cancellation: null,
    waiting: null,
  };
}
