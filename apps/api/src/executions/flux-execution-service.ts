import type {
  EventPage,
  EventResource,
  ExecutionPage,
  ExecutionResource,
  ListQuery,
  ProgressUpdate,
} from '@flux/contracts';
import type { LiveVersions } from '../fleet/live-versions.js';
import type { Canceller } from './cancel/canceller.js';
import type { Undoer } from './cancel/undoer.js';
import { executionNotFound, normalizeId } from './execution-resource.js';
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
} from './execution-service.js';
import type { Parker } from './parking/parker.js';
import type { ExecutionReader } from './read/execution-reader.js';
import type { ExecutionWatcher } from './read/execution-watcher.js';
import type { Starter } from './start/starter.js';

export interface ExecutionParts {
  readonly starter: Starter;
  readonly canceller: Canceller;
  readonly undoer: Undoer;
  readonly parker: Parker;
  readonly reader: ExecutionReader;
  readonly watcher: ExecutionWatcher;
  readonly versions: LiveVersions;
}

/** The {@link ExecutionService} on PostgreSQL. */
export class FluxExecutionService implements ExecutionService {
  readonly #starter: Starter;
  readonly #canceller: Canceller;
  readonly #undoer: Undoer;
  readonly #parker: Parker;
  readonly #reader: ExecutionReader;
  readonly #watcher: ExecutionWatcher;
  readonly #versions: LiveVersions;

  constructor(parts: ExecutionParts) {
    this.#starter = parts.starter;
    this.#canceller = parts.canceller;
    this.#undoer = parts.undoer;
    this.#parker = parts.parker;
    this.#reader = parts.reader;
    this.#watcher = parts.watcher;
    this.#versions = parts.versions;
  }

  start(command: StartCommand): Promise<Started> {
    return this.#starter.start(command);
  }

  async cancel(command: CancelCommand): Promise<ExecutionResource> {
    return this.#versions.tellOne(await this.#canceller.cancel(normalized(command)));
  }

  async undoCancel(command: UndoCommand): Promise<ExecutionResource> {
    return this.#versions.tellOne(await this.#undoer.undo(normalized(command)));
  }

  async pause(command: PauseCommand): Promise<ExecutionResource> {
    return this.#parker.pause(normalized(command));
  }

  async resume(command: ResumeCommand): Promise<Resumed> {
    return this.#parker.resume(normalized(command));
  }

  async get(workflowName: string, executionId: string, detailed: boolean): Promise<ExecutionResource> {
    return this.#versions.tellOne(await this.#reader.get(workflowName, executionId, detailed));
  }

  history(workflowName: string, executionId: string, query: HistoryQuery): Promise<EventPage> {
    return this.#reader.history(workflowName, executionId, query);
  }

  async list(query: ListQuery): Promise<ExecutionPage> {
    const page = await this.#reader.list(query);
    return { ...page, items: await this.#versions.tell(page.items) };
  }

  async waitUntilTerminal(
    executionId: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ExecutionResource> {
    return this.#versions.tellOne(await this.#watcher.waitUntilTerminal(executionId, timeoutMs, signal));
  }

  follow(executionId: string, afterSeq: number, signal: AbortSignal): AsyncIterable<EventResource[]> {
    return this.#watcher.follow(executionId, afterSeq, signal);
  }

  onProgress(executionId: string, listener: (update: ProgressUpdate) => void): () => void {
    return this.#watcher.onProgress(executionId, listener);
  }
}

/** The command with the id as the database spells it. */
function normalized<T extends { readonly workflowName: string; readonly executionId: string }>(
  command: T,
): T {
  const executionId = normalizeId(command.executionId);
  if (executionId === undefined) throw executionNotFound(command.workflowName, command.executionId);
  return { ...command, executionId };
}
