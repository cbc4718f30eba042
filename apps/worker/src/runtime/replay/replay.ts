import type { ChildLink, HistoryEntry } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { setTimeout as wait } from 'node:timers/promises';
import { isBodyCall } from '../scope.js';
import {
  PATCH,
  SCOPE_CUT,
  SCOPE_END,
  type RecordedResult,
  type RecordedResume,
  type RecordedTimer,
  type RecordedValue,
  type ScopeCut,
} from './recorded.js';

export interface ReplayWatcher {
  /** A result has been handed out. */
  onProgress(): void;
  /** Body and record do not come together. */
  onDiverged(error: FluxError): void;
}

/** How long a replay may stand still before it counts as diverged: bodies may await more than `ctx`. */
const STALL_MS = 2000;

/** How often a replay that may have come to its end is looked at; a blocked thread looks less often. */
const LOOK_MS = 20;

/**
 * Hands out what earlier attempts recorded. Results of body calls come in the order they were recorded in,
 * one a turn of the event loop, whatever the order they are asked for in, so that a `Promise.race` has its old
 * winner; calls without a result wait until all others have theirs. Results of cleanup calls come at once.
 */
export class Replay {
  readonly #watcher: ReplayWatcher;
  /** The recorded results of tasks, by call, as all maps here are. */
  readonly #results = new Map<string, RecordedResult>();
  readonly #timers = new Map<string, RecordedTimer>();
  readonly #values = new Map<string, RecordedValue>();
  readonly #resumes = new Map<string, RecordedResume>();
  readonly #children = new Map<string, ChildLink>();
  /** The records of scopes that were cut off. */
  readonly #marks = new Map<string, unknown>();
  /** Timers whose end is recorded. */
  readonly #ended = new Set<string>();
  /** Calls whose child's end the body was given. */
  readonly #joined = new Set<string>();
  /** Recorded calls of the body that the body has not made in this replay. */
  readonly #unasked = new Set<string>();
  /** Calls in the order in which the body saw their results: a replay hands the results out in this order. */
  readonly #order: string[] = [];
  /** Calls that the body has made and whose turn in the order has not come, with what hands out their result. */
  readonly #asked = new Map<string, () => void>();
  /** Calls without a record that wait until all recorded results are handed out. */
  readonly #new = new Map<string, () => void>();
  /** Timers that are due, and children that have ended, of which the body does not know yet. */
  readonly #endings: Array<{ readonly dueAt: number; readonly resolve: () => void }> = [];
  /** Waits for the end of the replay that belong to no call. */
  readonly #afterAll: Array<() => void> = [];
  /** The position in the order of the result that is handed out next. */
  #next = 0;
  /** True once the order is given up. */
  #isOpen = false;
  /** True while a turn of the event loop is due that hands out the next result. */
  #handsOut = false;
  /** True while a turn of the event loop is due that ends the earliest timer or child. */
  #endsDue = false;
  /** Grows with every step, so that a replay that stands still is seen. */
  #steps = 0;
  /** True once the body has made a call while another one had not come back. */
  #branched = false;
  #stall: NodeJS.Timeout | undefined;

  constructor(history: readonly HistoryEntry[], watcher: ReplayWatcher) {
    this.#watcher = watcher;
    for (const entry of history) this.#keep(entry);
  }

  #keep(entry: HistoryEntry): void {
    const ofBody = isBodyCall(entry.callId);
    switch (entry.type) {
      case 'timer_started':
        this.#timers.set(entry.callId, entry);
        break;
      case 'value_recorded':
        if (entry.name === SCOPE_CUT || entry.name === SCOPE_END) {
          this.#marks.set(entry.callId, entry.value);
        } else if (this.#timers.has(entry.callId)) {
          this.#ended.add(entry.callId);
        } else {
          this.#values.set(entry.callId, entry);
          break;
        }
        if (ofBody) this.#order.splice(this.#placeOf(entry), 0, entry.callId);
        break;
      case 'task_completed':
      case 'task_failed':
        this.#results.set(entry.callId, entry);
        if (ofBody) this.#order.push(entry.callId);
        break;
      case 'resumed':
        this.#resumes.set(entry.callId, entry);
        if (ofBody) this.#order.push(entry.callId);
        break;
      case 'child_started':
        this.#begun(entry, entry.child);
        break;
      case 'child_finished':
        if (entry.end.state !== 'REFUSED') return;
        this.#begun(entry, entry.end.child);
        break;
      case 'child_joined':
        this.#joined.add(entry.callId);
        if (ofBody) this.#order.push(entry.callId);
        return;
      default:
        return;
    }
    // A patch that the code has no more is no call that it should have made.
    if (ofBody && !entry.name.startsWith(PATCH)) this.#unasked.add(entry.callId);
  }

  /** A start has its place in the order of results; what is called is waited for on. */
  #begun({ callId, name }: { readonly callId: string; readonly name: string }, child: ChildLink): void {
    this.#children.set(callId, child);
    if (isBodyCall(callId) && name.startsWith('$start.')) this.#order.push(callId);
  }

  /**
   * An event that the body sees at once stands before the results that were on their way then and that the body had
   * not seen yet.
   */
  #placeOf(entry: RecordedValue): number {
    const { before } = (entry.value ?? {}) as { readonly before?: string | null };
    const place = before ? this.#order.lastIndexOf(before) : -1;
    return place < 0 ? this.#order.length : place;
  }

  /** The body makes a call. @param branched while another one has not come back: it has several branches */
  enter(branched: boolean): void {
    this.#branched ||= branched;
  }

  /** The result recorded for the call; `undefined` when there is none. */
  result(callId: string): Promise<RecordedResult> | undefined {
    const result = this.#results.get(callId);
    return result && this.#inOrder(callId, result);
  }

  #inOrder<T>(callId: string, recorded: T): Promise<T> {
    this.#unasked.delete(callId);
    if (this.#isOpen || !isBodyCall(callId)) return Promise.resolve(recorded);
    return new Promise((resolve) => {
      this.#asked.set(callId, () => resolve(recorded));
      this.#advance();
    });
  }

  /** The resume recorded for the pause; `undefined` when there is none. It has its place in the order of results. */
  resumed(callId: string): Promise<RecordedResume> | undefined {
    const resumed = this.#resumes.get(callId);
    return resumed && this.#inOrder(callId, resumed);
  }

  /** The child recorded for the call; `undefined` when there is none. */
  child(callId: string): ChildLink | undefined {
    this.#unasked.delete(callId);
    return this.#children.get(callId);
  }

  /** Resolves when the body may go on after the recorded start of a child, or is given its end again. */
  place(callId: string): Promise<void> {
    return this.#inOrder(callId, undefined);
  }

  /** True when the body was given the end of the call's child. */
  isJoined(callId: string): boolean {
    return this.#joined.has(callId);
  }

  /** The recorded cut of a scope, in its place; `undefined` when there is none. */
  cut(callId: string): Promise<ScopeCut> | undefined {
    return this.hasCut(callId) ? this.#inOrder(callId, this.#marks.get(callId) as ScopeCut) : undefined;
  }

  hasCut(callId: string): boolean {
    return this.#marks.has(callId);
  }

  /** Resolves in the place of the recorded end of a scope; `undefined` when there is none. */
  ended(callId: string): Promise<unknown> | undefined {
    return this.#marks.has(callId) ? this.#inOrder(callId, undefined) : undefined;
  }

  /** Resolves once the body has all results that earlier attempts gave it; nothing in it waits for that. */
  async afterAll(): Promise<void> {
    if (this.#isOpen || this.isDone) return;
    await new Promise<void>((resolve) => this.#afterAll.push(resolve));
  }

  /**
   * Resolves when a timer that is due may end: in its recorded place, else once the record has no result for what the
   * body asks, so that a race has its old winner; of several the one that was due first. The same for a child's end.
   */
  due({ callId, dueAt }: Pick<RecordedTimer, 'callId' | 'dueAt'>): Promise<void> {
    if (this.#ended.has(callId)) return this.#inOrder(callId, undefined);
    if (this.#isOpen || !isBodyCall(callId)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#endings.push({ dueAt, resolve });
      this.#endings.sort((a, b) => a.dueAt - b.dueAt);
      this.#advance();
    });
  }

  /** True once the body has all results that earlier attempts gave it. */
  get isDone(): boolean {
    return this.hasAll && this.#endings.length === 0;
  }

  /** True while the record has calls of the body that it has not made yet in this replay. */
  get goesOn(): boolean {
    return this.#unasked.size > 0;
  }

  /** True when the end of the timer has a place in the record. */
  hasEnded(callId: string): boolean {
    return this.#ended.has(callId);
  }

  /** True once every recorded result has been handed out. */
  get hasAll(): boolean {
    return this.#next === this.#order.length;
  }

  /** The value recorded for the call. It has no place in the order of results. */
  value(callId: string): RecordedValue | undefined {
    this.#unasked.delete(callId);
    return this.#values.get(callId);
  }

  timer(callId: string): RecordedTimer | undefined {
    this.#unasked.delete(callId);
    return this.#timers.get(callId);
  }

  /** Resolves when a call without a result may run; `undefined`: at once. */
  admit(callId: string): Promise<void> | undefined {
    if (this.#isOpen || this.isDone || !isBodyCall(callId)) return undefined;
    return new Promise((resolve) => {
      this.#new.set(callId, resolve);
      this.#advance();
    });
  }

  /** The body will not make this call after all. */
  skip(callId: string): void {
    if (!this.#results.has(callId)) return;
    this.#unasked.delete(callId);
    this.#asked.set(callId, () => undefined);
    this.#advance();
  }

  /**
   * Resolves with a recorded call that a body which has ended never made, or with `undefined`. The answer comes at
   * once for a body that makes one call after the other. Branches that a body left behind first have the time to go
   * on that any replay has.
   */
  async neverMade(): Promise<string | undefined> {
    const missing = (): string | undefined =>
      [...this.#unasked].find((callId) => !this.#branched || !this.#values.has(callId));
    let seen = '';
    for (let looks = 0; looks < STALL_MS / LOOK_MS; looks += 1) {
      if (this.#isOpen || missing() === undefined) return undefined;
      if (!this.#branched && !this.#handsOut) break;
      const now = `${this.#steps} ${this.#unasked.size}`;
      if (now !== seen) looks = 0;
      seen = now;
      await wait(LOOK_MS);
    }
    return missing();
  }

  /** Gives up the order: after a cancel the body does not ask for the rest of it. */
  open(): void {
    this.#isOpen = true;
    this.close();
    for (const { resolve } of this.#endings.splice(0)) resolve();
    for (const proceed of [...this.#asked.values(), ...this.#new.values(), ...this.#afterAll]) proceed();
  }

  close(): void {
    clearTimeout(this.#stall);
  }

  #advance(): void {
    this.#steps += 1;
    clearTimeout(this.#stall);
    if (this.#isOpen) return;
    if (this.isDone) {
      // The code that the last result led to comes first: when that ended the body, nothing new begins.
      setImmediate(() => this.#beginNew());
    } else if (!this.hasAll && this.#asked.has(this.#order[this.#next] as string)) {
      if (!this.#handsOut) setImmediate(() => this.#handOut());
      this.#handsOut = true;
    } else if (this.#endings.length > 0) {
      if (!this.#endsDue) setImmediate(() => this.#endDue());
      this.#endsDue = true;
    } else {
      this.#stall = setTimeout(() => this.#suspect(this.#steps), STALL_MS);
    }
  }

  /** Ends the earliest, unless the body has asked for the next result meanwhile: the result then comes first. */
  #endDue(): void {
    this.#endsDue = false;
    if (!this.#asked.has(this.#order[this.#next] ?? '')) {
      this.#endings.shift()?.resolve();
      this.#watcher.onProgress();
    }
    this.#advance();
  }

  /** Each result has a turn of its own: what one leads to is not mixed with what the next one does. */
  #beginNew(): void {
    const [waiting] = this.#new.entries();
    const proceed = waiting ? waiting[1] : this.#afterAll.shift();
    if (!proceed) return;
    if (waiting) this.#new.delete(waiting[0]);
    proceed();
    setImmediate(() => this.#beginNew());
  }

  #handOut(): void {
    this.#handsOut = false;
    const callId = this.#order[this.#next] as string;
    const deliver = this.#asked.get(callId);
    if (this.#isOpen || !deliver) return;
    this.#asked.delete(callId);
    this.#next += 1;
    deliver();
    this.#watcher.onProgress();
    this.#advance();
  }

  /** A busy neighbour delays timers and progress alike: only a turn of the event loop tells them apart. */
  #suspect(progress: number): void {
    setImmediate(() => {
      // No code waits for the cut of a scope.
      const [asked] = [...this.#new.keys(), ...this.#asked.keys()].filter((id) => !id.startsWith(SCOPE_CUT));
      const recorded = this.#order[this.#next];
      if (progress !== this.#steps || asked === undefined || recorded === undefined) return;
      const message = `the record has '${recorded}' where the workflow now makes the call '${asked}'`;
      this.#watcher.onDiverged(diverged(message, { recorded, asked }));
    });
  }
}

/** The error of a body whose calls are not the recorded ones. */
export function diverged(message: string, details: Readonly<Record<string, unknown>>): FluxError {
  return new FluxError('NON_DETERMINISTIC_WORKFLOW', message, {
    hint: 'Make the same calls in the same order for the same input.',
    details,
  });
}
