import type { TaskCall } from '../runtime/index.js';
import type { MessageBatch } from '../wire/message-batch.js';
import type { FromRunner } from '../wire/protocol.js';

/** A task that lasts no longer than this is taken for a quick one the next time. */
const QUICK_MS = 50;
/** The names of quick tasks that are kept; names are the code's, so more of them are rare. */
const MOST_NAMES = 10_000;

type Began = Extract<FromRunner, { kind: 'began' }>;

/**
 * Tells the supervisor of tasks that have begun, so that it can say what was cut off when this runner is dead. What a task
 * does first may keep the event loop until then, so its start is sent before that, but for tasks that were quick so far:
 * to send each of their starts alone would take as long as they do. Those go with the other messages of the turn, unless
 * the task has ended by then.
 */
export class TaskStarts {
  readonly #outbox: MessageBatch<FromRunner>;
  readonly #quick = new Set<string>();
  /** By the call's id, behind the handle. */
  readonly #unsent = new Map<string, Began>();

  constructor(outbox: MessageBatch<FromRunner>) {
    this.#outbox = outbox;
  }

  begins(handle: number, { callId, name, startedAt, inCleanup }: TaskCall, rollback: boolean): void {
    const task = { callId, name, inCleanup, rollback, startedAt };
    const began = { kind: 'began', handle, task } as const;
    if (!this.#quick.has(name)) {
      this.#outbox.push(began);
      this.#outbox.flush();
      return;
    }
    this.#unsent.set(keyOf(handle, callId), began);
    if (this.#unsent.size === 1) setImmediate(() => this.#send());
  }

  /** A task has ended, with or without a result. */
  ended(handle: number, { callId, name, startedAt }: Omit<TaskCall, 'inCleanup'>): void {
    this.#unsent.delete(keyOf(handle, callId));
    if (Date.now() - startedAt > QUICK_MS) this.#quick.delete(name);
    else if (this.#quick.size < MOST_NAMES) this.#quick.add(name);
  }

  #send(): void {
    for (const began of this.#unsent.values()) this.#outbox.push(began);
    this.#unsent.clear();
  }
}

function keyOf(handle: number, callId: string): string {
  return `${handle} ${callId}`;
}
