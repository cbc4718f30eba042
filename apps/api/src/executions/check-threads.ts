import { Worker } from 'node:worker_threads';
import { FluxError, LongTimer } from '@flux/domain';
import type { InputFault } from '../lifecycle/start.js';
import { pathOf } from './compiled-schema.js';

/** The compiled entry: Node cannot start a thread from code that a test's loader compiles in memory. */
const ENTRY = new URL('../../dist/executions/check-thread.js', import.meta.url);
const MOST_THREADS = 2;
/** A check that has waited for so many time limits is given up. */
const MOST_LIMITS_WAITED = 10;
const PLACE_BYTES = 1024;
const HEAP_MB = 256;

export interface CheckRequest {
  readonly schemaText: string;
  /** Whether patterns are looked at. */
  readonly patterns: boolean;
  /** Absent: the schema is only compiled. */
  readonly input?: unknown;
}

export type CheckAnswer =
  /** The thread has taken the request; its time counts from here. */
  | { readonly kind: 'begun' }
  | { readonly kind: 'checked'; readonly faults: readonly InputFault[] }
  | { readonly kind: 'no_schema'; readonly reason: string };
export type CheckVerdict = Exclude<CheckAnswer, { kind: 'begun' }>;

/** Shared memory in which a thread says where in the input it matches a pattern; it cannot answer while it does. */
export interface CheckThreadData {
  readonly length: Int32Array;
  readonly place: Uint8Array;
}

interface Job {
  readonly request: CheckRequest;
  readonly since: number;
  readonly resolve: (verdict: CheckVerdict) => void;
  readonly reject: (error: Error) => void;
}

/** Threads that check inputs, each of which is ended when a check takes longer than the time limit. */
export class CheckThreads {
  readonly #limitMs: number;
  readonly #idle: CheckThread[] = [];
  readonly #threads = new Set<CheckThread>();
  /** By workflow, the next one first. */
  readonly #waiting = new Map<string, Job[]>();
  /** The workflows of which an input is being checked, one at a time: one that is slow leaves a thread for others. */
  readonly #underWay = new Set<string>();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @throws FluxError `INPUT_CHECK_TOO_SLOW` */
  check(workflowName: string, request: CheckRequest): Promise<CheckVerdict> {
    return new Promise((resolve, reject) => {
      const job = { request, since: performance.now(), resolve, reject };
      const queue = this.#waiting.get(workflowName);
      if (queue) queue.push(job);
      else this.#waiting.set(workflowName, [job]);
      this.#next();
    });
  }

  /** Ends the threads. Checks that are under way are never answered. */
  async close(): Promise<void> {
    this.#waiting.clear();
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #next(): void {
    for (const [workflowName, queue] of this.#waiting) {
      if (this.#underWay.has(workflowName)) continue;
      const thread = this.#idle.pop() ?? this.#open();
      const job = thread && queue.shift();
      if (!thread || !job) return;
      // At the end of the line now.
      this.#waiting.delete(workflowName);
      if (queue.length > 0) this.#waiting.set(workflowName, queue);
      this.#underWay.add(workflowName);
      void this.#run(thread, job).finally(() => {
        this.#underWay.delete(workflowName);
        this.#next();
      });
      return;
    }
  }

  #open(): CheckThread | undefined {
    if (this.#threads.size >= MOST_THREADS) return undefined;
    const thread = new CheckThread(this.#limitMs);
    this.#threads.add(thread);
    void thread.ended.then(() => {
      this.#threads.delete(thread);
      const place = this.#idle.indexOf(thread);
      if (place >= 0) this.#idle.splice(place, 1);
      this.#next();
    });
    return thread;
  }

  async #run(thread: CheckThread, { request, since, resolve, reject }: Job): Promise<void> {
    try {
      if (performance.now() - since > MOST_LIMITS_WAITED * this.#limitMs)
        throw tooSlow('has waited too long to be checked');
      resolve(await thread.check(request));
    } catch (error) {
      reject(error as Error);
    }
    if (!thread.isEnded) this.#idle.push(thread);
  }
}

class CheckThread {
  readonly ended: Promise<void>;
  isEnded = false;
  readonly #limitMs: number;
  readonly #length = new Int32Array(new SharedArrayBuffer(4));
  readonly #place = new Uint8Array(new SharedArrayBuffer(PLACE_BYTES));
  readonly #worker: Worker;
  #onAnswer: (answer: CheckAnswer) => void = () => undefined;
  #onEnd: () => void = () => undefined;
  #failure: NodeJS.ErrnoException | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    const workerData: CheckThreadData = { length: this.#length, place: this.#place };
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB };
    this.#worker = new Worker(ENTRY, { workerData, resourceLimits, name: 'flux-input-checks' });
    this.#worker.unref();
    this.#worker.on('message', (answer: CheckAnswer) => this.#onAnswer(answer));
    this.#worker.on('error', (error: NodeJS.ErrnoException) => (this.#failure = error));
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.isEnded = true;
        this.#onEnd();
        resolve();
      });
    });
  }

  /** @throws FluxError `INPUT_CHECK_TOO_SLOW` when time or memory does not suffice; the thread is over then */
  check(request: CheckRequest): Promise<CheckVerdict> {
    return new Promise((resolve, reject) => {
      let timer: LongTimer | undefined;
      let answered = false;
      this.#onEnd = () => {
        const isBroken = this.#failure && this.#failure.code !== 'ERR_WORKER_OUT_OF_MEMORY';
        const slow = tooSlow(`takes longer to check than ${this.#limitMs} ms`, this.#placeNow());
        reject(isBroken ? (this.#failure as Error) : slow);
      };
      this.#onAnswer = (answer) => {
        if (answer.kind === 'begun') {
          // An answer that has come while this process was busy counts.
          const expire = (): void => void (answered || this.end());
          timer = new LongTimer(this.#limitMs, () => setImmediate(expire));
          return;
        }
        answered = true;
        timer?.clear();
        resolve(answer);
      };
      this.#worker.postMessage(request);
    });
  }

  async end(): Promise<void> {
    void this.#worker.terminate();
    await this.ended;
  }

  #placeNow(): string {
    return new TextDecoder().decode(this.#place.slice(0, Atomics.load(this.#length, 0)));
  }
}

function tooSlow(how: string, pointer = ''): FluxError {
  const path = pathOf(pointer).join('.') || 'input';
  return new FluxError('INPUT_CHECK_TOO_SLOW', `${path} ${how}`, {
    details: { errors: [{ path, message: how }] },
  });
}
