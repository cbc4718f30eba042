import type { ErrorInfo } from '@flux/contracts';
import type { Cleanup as CleanupResult } from '@flux/domain';
import type { CancelledError } from '@flux/sdk';
import { errorInfo } from '../values/error-info.js';
import type { InFlight } from '../../flow/in-flight.js';
import { CallNumbers } from '../scope.js';
import { endsByCancel } from './ends-by-cancel.js';
import type { LastCall } from './last-call.js';

export type CancelHandler = (error: CancelledError) => void | PromiseLike<void>;

export interface CleanupParts {
  readonly inFlight: InFlight;
  /** Runs one handler in a scope of its own. */
  runHandler(fn: () => void | PromiseLike<void>, calls: CallNumbers): Promise<void>;
  readonly lastCall: LastCall;
}

/** Runs what comes after the cancel signal: the handlers, and a note of how it all went. */
export class Cleanup {
  readonly #parts: CleanupParts;
  readonly #handlers: Array<(signal: CancelledError) => Promise<void>> = [];
  #registered = 0;
  #signal: CancelledError | undefined;
  #running = false;
  #ran = false;
  #error: ErrorInfo | null = null;

  constructor(parts: CleanupParts) {
    this.#parts = parts;
  }

  /** Takes a handler; after the signal it runs soon. Returns how to take it back. */
  add(fn: CancelHandler): () => void {
    // Each handler numbers its calls apart, since handlers and the body unwind side by side.
    const calls = new CallNumbers(`handler${this.#registered}-`);
    const handler = (signal: CancelledError): Promise<void> =>
      this.#parts.runHandler(() => fn(signal), calls);
    this.#registered += 1;
    this.#handlers.push(handler);
    this.#start();
    return () => {
      const index = this.#handlers.indexOf(handler);
      if (index >= 0) this.#handlers.splice(index, 1);
    };
  }

  /** Runs the handlers, newest first, one after the other. */
  begin(signal: CancelledError): void {
    this.#signal = signal;
    setImmediate(() => this.#noteUnwinding());
    this.#start();
  }

  /** Work that the body does after a turn of the event loop is more than unwinding; to wait for children is not. */
  #noteUnwinding(): void {
    const children = this.#parts.lastCall.waiting;
    if (children) void children.then(() => setImmediate(() => this.#noteUnwinding()));
    else this.noteRun();
  }

  /** Handlers that have not begun are not run any more. */
  abandon(): void {
    this.#handlers.length = 0;
  }

  noteRun(): void {
    this.#ran = true;
  }

  /** Notes an error that a part of the cleanup let out; the first one counts, and the cancel itself is none. */
  noteError(error: unknown): void {
    if (!endsByCancel(error)) this.noteFailure(error);
  }

  /** Notes what a part of the cleanup failed with, whatever it looks like; the first one counts. */
  noteFailure(error: unknown): void {
    this.#error ??= errorInfo(error);
  }

  get error(): ErrorInfo | null {
    return this.#error;
  }

  get result(): CleanupResult {
    if (this.#error) return 'failed';
    return this.#ran ? 'succeeded' : 'none';
  }

  #start(): void {
    const signal = this.#signal;
    if (!signal || this.#running || this.#handlers.length === 0) return;
    void this.#parts.inFlight.track(() => this.#runAll(signal));
  }

  async #runAll(signal: CancelledError): Promise<void> {
    this.#running = true;
    this.noteRun();
    for (let next = this.#handlers.pop(); next; next = this.#handlers.pop()) {
      await next(signal).catch((error: unknown) => this.noteError(error));
    }
    this.#running = false;
  }
}
