import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { within } from '../flow/within.js';
import type { EndedProgram } from './ender.js';
import { incarnationOf, incarnationText, type Incarnation } from './marks.js';
import { showsProcesses } from './processes.js';
import type { FromProgramsThread, ToProgramsThread } from './programs-thread.js';

/** The compiled entry, as for runners. */
const ENTRY = new URL('../../dist/programs/programs-thread.js', import.meta.url);
/** A look at all processes takes no longer, however busy the machine is, unless one of them holds it up. */
const LOOK_LIMIT_MS = 5_000;
/** What waits for the first signals to be sent waits no longer than this. */
const SEEN_LIMIT_MS = 100;

type Question =
  | { readonly kind: 'end'; readonly groups: readonly string[]; readonly isAbrupt: boolean }
  | { readonly kind: 'end_left_behind' };

export interface ProgramsParts {
  readonly workerId: string;
  readonly log: Logger;
  /** Whether this system shows whose a program is; default: looked up. */
  readonly isSupported?: boolean;
}

/** The end of some programs, while it goes on. */
export interface ProgramsEnding {
  /** All that there are have got a signal or are about to, or that takes too long. */
  readonly seen: Promise<unknown>;
  /** None of them lives: those that had to be ended. */
  readonly ended: Promise<readonly EndedProgram[]>;
}

interface Asker {
  readonly seen: () => void;
  readonly ended: (ended: readonly EndedProgram[]) => void;
}

/** It holds facts about processes, a hundred bytes of each. */
const MEMORY = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64, stackSizeMb: 1 };

const NONE: ProgramsEnding = { seen: Promise.resolve(), ended: Promise.resolve([]) };

/**
 * Ends the programs that code of this worker has started, and those that an earlier incarnation of it has left on this
 * machine. Where the system does not show whose a program is, it finds none.
 */
export class Programs {
  /** How marks name this worker. */
  readonly incarnation: string;
  readonly #self: Incarnation;
  readonly #log: Logger;
  readonly #isSupported: boolean;
  readonly #asked = new Map<number, Asker>();
  #thread: Worker | undefined;
  #questions = 0;
  /** When the thread last told anything. */
  #heardAt = 0;
  /** Whether the thread is wanted beyond what it was asked at the start. */
  #isNeeded = false;

  constructor({ workerId, log, isSupported = showsProcesses() }: ProgramsParts) {
    this.#isSupported = isSupported;
    this.#self = incarnationOf(workerId);
    this.incarnation = incarnationText(this.#self);
    this.#log = log;
  }

  /** Some code is about to start a program: whoever ends it is ready by then. */
  prepare(): void {
    this.#isNeeded = true;
    this.#open();
  }

  /**
   * Ends all programs of these groups but detached ones. Nothing of it rejects.
   * @param isAbrupt the runner that started them was killed
   */
  end(groups: readonly string[], isAbrupt: boolean): ProgramsEnding {
    return this.#ask({ kind: 'end', groups, isAbrupt });
  }

  /** Ends what an earlier incarnation has left on this machine. Never rejects. */
  async endLeftBehind(): Promise<void> {
    const { ended: ending } = this.#ask({ kind: 'end_left_behind' });
    const ended = await ending;
    if (!this.#isNeeded) await this.#thread?.terminate();
    if (ended.length === 0) return;
    this.#log.warn({ programs: ended }, 'ended programs that an earlier life of this worker has left behind');
  }

  /** A program, and all that inherits its mark, lives on, beyond this incarnation too. */
  detach(mark: string): void {
    this.prepare();
    this.#post({ kind: 'detach', mark });
  }

  /** Ends all that is not detached; nothing may start programs any more. */
  async close(): Promise<void> {
    // Another one may end it meanwhile.
    const thread = this.#thread;
    if (!thread) return;
    await this.end([`${this.incarnation}:`], true).ended;
    await thread.terminate();
  }

  #open(): void {
    if (this.#isSupported) this.#thread ??= this.#start();
  }

  #ask(question: Question): ProgramsEnding {
    this.#open();
    if (!this.#thread) return NONE;
    this.#questions += 1;
    const id = this.#questions;
    let onSeen: () => void = () => undefined;
    const seen = new Promise<void>((resolve) => (onSeen = resolve));
    const ended = new Promise<readonly EndedProgram[]>((resolve) => {
      this.#asked.set(id, { seen: onSeen, ended: resolve });
    });
    this.#post({ ...question, id });
    return { seen: within(SEEN_LIMIT_MS, seen), ended: this.#await(id, ended) };
  }

  async #await(id: number, ended: Promise<readonly EndedProgram[]>): Promise<readonly EndedProgram[]> {
    const askedAt = performance.now();
    let isAnswered = false;
    for (let leftMs = LOOK_LIMIT_MS; leftMs > 0 && !isAnswered;) {
      isAnswered = await within(leftMs, ended);
      leftMs = Math.max(askedAt, this.#heardAt) + LOOK_LIMIT_MS - performance.now();
    }
    this.#asked.delete(id);
    if (isAnswered) return ended;
    this.#log.error('whether all programs have ended is not known: a process holds the look up');
    return [];
  }

  #post(message: ToProgramsThread): void {
    this.#thread?.postMessage(message);
  }

  #start(): Worker {
    const thread = new Worker(ENTRY, {
      workerData: this.#self,
      name: 'flux-programs',
      resourceLimits: MEMORY,
    });
    thread.unref();
    thread.on('message', (message: FromProgramsThread) => {
      this.#heardAt = performance.now();
      if (message.kind === 'ended') this.#asked.get(message.id)?.ended(message.ended);
      else if (message.kind === 'keeps') this.#isNeeded = true;
      else if (message.kind === 'seen') this.#asked.get(message.id)?.seen();
      else if (message.kind === 'fault') this.#log.error({ pids: message.pids }, message.message);
    });
    thread.on('error', (error) =>
      this.#log.error({ err: error }, 'the thread that ends programs has failed'),
    );
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
      for (const asker of this.#asked.values()) asker.ended([]);
    });
    return thread;
  }
}
