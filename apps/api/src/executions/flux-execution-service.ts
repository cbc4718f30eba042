import type { EventPage, EventResource, ExecutionPage, ExecutionResource, ListQuery } from '@flux/contracts';
import type { Canceller } from './cancel/canceller.js';
import { executionNotFound, normalizeId } from './execution-resource.js';
import type {
  CancelCommand,
  ExecutionService,
  HistoryQuery,
  StartCommand,
  Started,
} from './execution-service.js';
import type { ExecutionReader } from './read/execution-reader.js';
import type { ExecutionWatcher } from './read/execution-watcher.js';
import type { Starter } from './start/starter.js';

/** The {@link ExecutionService} on PostgreSQL. */
export class FluxExecutionService implements ExecutionService {
  readonly #starter: Starter;
  readonly #canceller: Canceller;
  readonly #reader: ExecutionReader;
  readonly #watcher: ExecutionWatcher;

  constructor(starter: Starter, canceller: Canceller, reader: ExecutionReader, watcher: ExecutionWatcher) {
    this.#starter = starter;
    this.#canceller = canceller;
    this.#reader = reader;
    this.#watcher = watcher;
  }

  start(command: StartCommand): Promise<Started> {
    return this.#starter.start(command);
  }

  async cancel(command: CancelCommand): Promise<ExecutionResource> {
    const executionId = normalizeId(command.executionId);
    if (executionId === undefined) throw executionNotFound(command.workflowName, command.executionId);
    return this.#canceller.cancel({ ...command, executionId });
  }

  get(workflowName: string, executionId: string, detailed: boolean): Promise<ExecutionResource> {
    return this.#reader.get(workflowName, executionId, detailed);
  }

  history(workflowName: string, executionId: string, query: HistoryQuery): Promise<EventPage> {
    return this.#reader.history(workflowName, executionId, query);
  }

  list(query: ListQuery): Promise<ExecutionPage> {
    return this.#reader.list(query);
  }

  waitUntilTerminal(executionId: string, timeoutMs: number, signal: AbortSignal): Promise<ExecutionResource> {
    return this.#watcher.waitUntilTerminal(executionId, timeoutMs, signal);
  }

  follow(executionId: string, afterSeq: number, signal: AbortSignal): AsyncIterable<EventResource[]> {
    return this.#watcher.follow(executionId, afterSeq, signal);
  }
}
