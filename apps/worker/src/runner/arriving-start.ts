import type { HistoryEntry } from '@flux/contracts';
import type { ExecutionStart } from '../runtime/index.js';
import type { ToExecution } from './protocol.js';

type StartMessage = Extract<ToExecution, { kind: 'start' }>;

/** An execution whose last part of history is on its way. What is told to it meanwhile is kept until it begins. */
export class ArrivingStart {
  /** Cancels and pauses, oldest first. */
  readonly kept: ToExecution[] = [];
  readonly #entries: HistoryEntry[];
  readonly #since = performance.now();

  constructor(private readonly message: StartMessage) {
    this.#entries = [...message.start.history];
  }

  get handle(): number {
    return this.message.handle;
  }

  add(entries: readonly HistoryEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The start with all of its history; the time that this took is the cancel's. */
  complete(): StartMessage {
    const { cancel } = this.message.start;
    const waitedMs = performance.now() - this.#since;
    const start: ExecutionStart = {
      ...this.message.start,
      history: this.#entries,
      cancel: cancel && { ...cancel, remainingMs: Math.max(0, cancel.remainingMs - waitedMs) },
    };
    return { ...this.message, start, more: false };
  }
}
