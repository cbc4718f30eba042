import type { LiveVersions } from '../registry/live-versions.js';
import type { Canceller } from './cancel.js';
import type { Undoer } from './undo-cancel.js';
import { executionNotFound } from './resource.js';
import { normalizeId } from '../lifecycle/execution.js';
import type { ExecutionService } from './execution-service.js';
import type { Pauser } from './pause.js';
import type { ExecutionReader } from './read.js';
import type { ExecutionWatcher } from './watch.js';
import type { Starter } from './start.js';

interface ExecutionParts {
  readonly starter: Starter;
  readonly canceller: Canceller;
  readonly undoer: Undoer;
  readonly pauser: Pauser;
  readonly reader: ExecutionReader;
  readonly watcher: ExecutionWatcher;
  readonly versions: LiveVersions;
}

/** Joins the verbs to the port. */
export function createExecutionService(parts: ExecutionParts): ExecutionService {
  const { starter, canceller, undoer, pauser, reader, watcher, versions } = parts;
  return {
    start: (command) => starter.start(command),
    cancel: async (command) => versions.tellOne(await canceller.cancel(normalized(command))),
    undoCancel: async (command) => versions.tellOne(await undoer.undo(normalized(command))),
    pause: async (command) => pauser.pause(normalized(command)),
    resume: async (command) => pauser.resume(normalized(command)),
    answer: (...asked) => reader.answer(...asked),
    status: (...asked) => reader.status(...asked),
    history: (...asked) => reader.history(...asked),
    receipt: (...asked) => reader.receipt(...asked),
    list: (...asked) => reader.list(...asked),
    find: async (workflowName, executionId) => void (await reader.row(workflowName, executionId)),
    waitUntilTerminal: async (executionId, timeoutMs, signal) =>
      versions.tellOne(await watcher.waitUntilTerminal(executionId, timeoutMs, signal)),
    follow: (following) => watcher.follow(following),
    onProgress: (executionId, listener) => watcher.onProgress(executionId, listener),
  };
}

/** The command with the id as the database spells it. */
function normalized<T extends { readonly workflowName: string; readonly executionId: string }>(
  command: T,
): T {
  const executionId = normalizeId(command.executionId);
  if (executionId === undefined) throw executionNotFound(command.workflowName, command.executionId);
  return { ...command, executionId };
}
