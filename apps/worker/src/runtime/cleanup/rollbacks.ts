import type { ErrorInfo, HistoryEntry } from '@flux/contracts';
import { isBodyCall } from '../scope.js';
import { outputOf } from '../calls/task-call.js';
import type { AnyTask } from '../calls/tries.js';

type CompletedEntry = Extract<HistoryEntry, { type: 'task_completed' }>;

/** A task that the body has run to its completion. */
export interface CompletedTask {
  readonly callId: string;
  readonly task: AnyTask;
  readonly input: unknown;
  readonly output: unknown;
}

/** The part of a body that can be undone: its completed tasks that have a rollback, whichever attempt ran them. */
export class Rollbacks {
  readonly #completed = new Map<string, { readonly position: number; readonly entry: CompletedEntry }>();
  readonly #undone = new Map<string, ErrorInfo | null>();
  readonly #steps: Array<CompletedTask & { readonly position: number }> = [];
  #position: number;

  constructor(history: readonly HistoryEntry[]) {
    for (const [position, entry] of history.entries()) {
      if (entry.type === 'task_completed') {
        this.#completed.set(entry.callId, { position, entry });
      }
      if (entry.type === 'rollback_finished') this.#undone.set(entry.callId, entry.error);
    }
    this.#position = history.length;
  }

  /** The body has asked for a recorded result. */
  replayed(callId: string, task: AnyTask, input: unknown): void {
    const completed = task.rollback && this.#completed.get(callId);
    if (!completed) return;
    const { position, entry } = completed;
    this.#add({ callId, task, input, position, output: outputOf(entry) });
  }

  /** A task has completed now. */
  completed(step: CompletedTask): void {
    this.#add({ ...step, position: this.#position });
    this.#position += 1;
  }

  /** The tasks that are left to undo, newest first. */
  pending(): CompletedTask[] {
    return this.#steps
      .filter(({ callId }) => !this.#undone.has(callId))
      .sort((one, other) => other.position - one.position);
  }

  /** The errors of rollbacks that an earlier attempt finished. */
  recordedErrors(): ErrorInfo[] {
    return [...this.#undone.values()].filter((error) => error !== null);
  }

  #add(step: CompletedTask & { readonly position: number }): void {
    // A task that ran after the cancel is cleanup itself.
    if (step.task.rollback && isBodyCall(step.callId)) this.#steps.push(step);
  }
}
