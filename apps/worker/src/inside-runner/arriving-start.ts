import type { HistoryEntry } from '@flux/contracts';
import type { ExecutionStart } from '../runtime/index.js';
import { bodyTimeMs } from '../wire/body-time.js';
import type { ToExecution } from '../wire/protocol.js';

export type StartMessage = Extract<ToExecution, { kind: 'start' }>;

/** An execution that has not begun; its history may be on its way. What is told to it is kept until it begins. */
export class ArrivingStart {
  readonly #message: StartMessage;
  /** Cancels and pauses, oldest first. */
  readonly kept: ToExecution[] = [];
  input: unknown;
  readonly #entries: HistoryEntry[];
  readonly #since = performance.now();

  constructor(message: StartMessage) {
    this.#message = message;
    this.input = message.start.input;
    this.#entries = [...message.start.history];
  }

  add(entries: readonly HistoryEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The start with all of its history; the time that this took is not the body's. */
  complete(): StartMessage {
    const { cancel } = this.#message.start;
    const waitedMs = performance.now() - this.#since;
    const start: ExecutionStart = {
      ...this.#message.start,
      input: this.input,
      history: this.#entries,
      cancel: cancel && { ...cancel, remainingMs: bodyTimeMs(cancel, waitedMs) },
    };
    return { ...this.#message, start };
  }
}
