import type { HistoryEntry } from '@flux/contracts';
import { FluxError } from '@flux/domain';

export type RecordedResult = Extract<HistoryEntry, { type: 'task_completed' | 'task_failed' }>;
export type RecordedTimer = Extract<HistoryEntry, { type: 'timer_started' }>;

export interface ReplayWatcher {
  /** A result has been handed out. */
  onProgress(): void;
  /** Body and record do not come together. */
  onDiverged(error: FluxError): void;
}

/** How long a replay may stand still before it counts as diverged: bodies may await more than `ctx`. */
const STALL_MS = 2000;
const BODY_CALL = /#\d+$/;

/**
 * Hands out what earlier attempts recorded. Results of body calls come in the order they were recorded in,
 * one a turn of the event loop, whatever the order they are asked for in, so that a `Promise.race` has its old
 * winner; calls without a result wait until all others have theirs. Results of cleanup calls come at once.
 */
export class Replay {
  readonly #results = new Map<string, RecordedResult>();
  readonly #timers = new Map<string, RecordedTimer>();
  readonly #order: string[] = [];
  readonly #asked = new Map<string, () => void>();
  readonly #held = new Map<string, () => void>();
  #next = 0;
  #open = false;
  #handing = false;
  #progress = 0;
  #stall: NodeJS.Timeout | undefined;

  constructor(
    history: readonly HistoryEntry[],
    private readonly watcher: ReplayWatcher,
  ) {
    for (const entry of history) {
      if (entry.type === 'timer_started') {
        this.#timers.set(entry.callId, entry);
        continue;
      }
      this.#results.set(entry.callId, entry);
      if (BODY_CALL.test(entry.callId)) this.#order.push(entry.callId);
    }
  }

  /** The result recorded for the call; `undefined` when there is none. */
  result(callId: string): Promise<RecordedResult> | undefined {
    const result = this.#results.get(callId);
    if (!result) return undefined;
    if (this.#open || !BODY_CALL.test(callId)) return Promise.resolve(result);
    return new Promise((resolve) => {
      this.#asked.set(callId, () => resolve(result));
      this.#advance();
    });
  }

  /** True once the body has all results that earlier attempts gave it. */
  get isDone(): boolean {
    return this.#next === this.#order.length;
  }

  timer(callId: string): RecordedTimer | undefined {
    return this.#timers.get(callId);
  }

  /** Resolves when a call without a result may run; `undefined`: at once. */
  admit(callId: string): Promise<void> | undefined {
    if (this.#open || this.isDone || !BODY_CALL.test(callId)) return undefined;
    return new Promise((resolve) => {
      this.#held.set(callId, resolve);
      this.#advance();
    });
  }

  /** The body will not make this call after all. */
  skip(callId: string): void {
    if (!this.#results.has(callId)) return;
    this.#asked.set(callId, () => undefined);
    this.#advance();
  }

  /** Gives up the order: after a cancel the body does not ask for the rest of it. */
  open(): void {
    this.#open = true;
    this.close();
    for (const proceed of [...this.#asked.values(), ...this.#held.values()]) proceed();
  }

  close(): void {
    clearTimeout(this.#stall);
  }

  #advance(): void {
    this.#progress += 1;
    clearTimeout(this.#stall);
    if (this.#open) return;
    if (this.isDone) {
      for (const proceed of this.#held.values()) proceed();
      this.#held.clear();
    } else if (this.#asked.has(this.#order[this.#next] as string)) {
      if (!this.#handing) setImmediate(() => this.#handOut());
      this.#handing = true;
    } else {
      this.#stall = setTimeout(() => this.#suspect(this.#progress), STALL_MS);
    }
  }

  #handOut(): void {
    this.#handing = false;
    const callId = this.#order[this.#next] as string;
    const deliver = this.#asked.get(callId);
    if (this.#open || !deliver) return;
    this.#asked.delete(callId);
    this.#next += 1;
    deliver();
    this.watcher.onProgress();
    this.#advance();
  }

  /** A busy neighbour delays timers and progress alike: only a turn of the event loop tells them apart. */
  #suspect(progress: number): void {
    setImmediate(() => {
      const [asked] = [...this.#held.keys(), ...this.#asked.keys()];
      const recorded = this.#order[this.#next];
      if (progress !== this.#progress || asked === undefined || recorded === undefined) return;
      const message = `the record has '${recorded}' where the workflow now makes the call '${asked}'`;
      this.watcher.onDiverged(
        new FluxError('NON_DETERMINISTIC_WORKFLOW', message, {
          hint: 'Make the same calls in the same order for the same input.',
          details: { recorded, asked },
        }),
      );
    });
  }
}
