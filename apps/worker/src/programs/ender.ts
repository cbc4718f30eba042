import { sleep } from '@flux/domain';
import { lookAround, processFacts, processMarks, programName, type MarkedProcess } from './processes.js';

/** The time between SIGTERM and SIGKILL. */
export const TERM_MS = 300;
/** What still lives so long after SIGKILL is stuck in the system, and no code of it runs. */
const GIVE_UP_MS = 2_000;
const LOOK_AGAIN = { firstMs: 5, longestMs: 20 };

/** A program that was ended, as it is told of: without its arguments. */
export interface EndedProgram {
  readonly name: string;
  readonly pid: number;
  readonly how: 'SIGTERM' | 'SIGKILL';
}

/** The programs that are to be ended. */
export interface EndWish {
  /** What is asked for at the same time under the same key is one. */
  readonly key: string;
  readonly isOne: (mark: string) => boolean;
  /** Ticks since the boot; no program of it began before. */
  readonly since: number;
  /**
   * Its runner was killed, perhaps while it was starting a program: such a process has no mark until the program has begun,
   * so that nothing must be found twice.
   */
  readonly isAbrupt: boolean;
  /** They get no SIGTERM before. */
  readonly isUrgent?: boolean;
}

export interface EnderParts {
  /** Whether what bears the mark lives on although it is one of them. */
  isSpared(mark: string): boolean;
  /** Hears of processes that cannot be ended. */
  onFault(message: string, pids: readonly number[]): void;
  /** Called when a look at the processes of the machine has come to its end. */
  onLook?(): void;
}

/** A process that is to end. */
interface Found extends Omit<EndedProgram, 'how'> {
  readonly process: MarkedProcess;
  /** The signal that it is to get, or got last. */
  how: EndedProgram['how'];
  isTold: boolean;
}

interface Wait {
  /** The number of looks before it was asked for. */
  readonly after: number;
  readonly clean: number;
  readonly onSeen: () => void;
  readonly resolve: () => void;
}

/** One wish, until nothing of it lives. */
class Ending {
  readonly wish: EndWish;
  readonly found = new Map<string, Found>();
  readonly ended: EndedProgram[] = [];
  readonly beyond = new Set<string>();
  waits: Wait[] = [];
  /** The looks that have found nothing, one after the other. */
  clean = 0;
  killAt = Number.POSITIVE_INFINITY;
  isBegun = false;

  constructor(wish: EndWish) {
    this.wish = wish;
  }
}

/**
 * Ends programs wherever they have moved: SIGTERM to each, SIGKILL 300 ms later to what is left, and to what it has
 * started meanwhile at once. All wishes share the looks at the processes of the machine.
 */
export class Ender {
  readonly #parts: EnderParts;
  readonly #endings = new Map<string, Ending>();
  #looks = 0;
  #running = false;

  constructor(parts: EnderParts) {
    this.#parts = parts;
  }

  /**
   * Resolves with those that it had to end, once none lives of those that there were at the call.
   * @param onSeen called once all that there are have got a signal, or are about to get one if their end is abrupt
   */
  async end(wish: EndWish, onSeen: () => void = () => undefined): Promise<readonly EndedProgram[]> {
    let ending = this.#endings.get(wish.key);
    if (!ending) this.#endings.set(wish.key, (ending = new Ending(wish)));
    const { waits, ended } = ending;
    const over = new Promise<void>((resolve) => {
      waits.push({ after: this.#looks, clean: wish.isAbrupt ? 2 : 1, onSeen, resolve });
    });
    if (!this.#running) void this.#run();
    await over;
    return ended;
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let pause = LOOK_AGAIN.firstMs; ; pause = Math.min(LOOK_AGAIN.longestMs, pause * 2)) {
      // What is asked for in this turn of the event loop is looked for at once.
      await Promise.resolve();
      this.#look();
      if (this.#endings.size === 0) break;
      await sleep(pause);
    }
    this.#running = false;
  }

  #look(): void {
    const endings = [...this.#endings.values()];
    this.#looks += 1;
    const there = lookAround(Math.min(...endings.map(({ wish }) => wish.since)));
    this.#parts.onLook?.();
    for (const ending of endings) {
      this.#step(ending, there);
      ending.waits = ending.waits.filter((each) => !this.#isOver(ending, each));
      if (ending.waits.length === 0) this.#endings.delete(ending.wish.key);
    }
  }

  #step(ending: Ending, there: readonly MarkedProcess[]): void {
    const { found, ended, beyond } = ending;
    const live = new Map(this.#of(ending, there).map((each) => [keyOf(each), each]));
    for (const [key, { name, pid, how, isTold }] of found) {
      if (live.has(key)) continue;
      found.delete(key);
      // Whatever else of an abrupt end dies, the runner's process group took along.
      if (isTold || ending.wish.isAbrupt) ended.push({ name, pid, how });
    }
    for (const [key, process] of live) {
      if (found.has(key) || beyond.has(key)) continue;
      const { pid } = process;
      found.set(key, { process, pid, name: programName(pid) ?? '?', how: 'SIGTERM', isTold: false });
    }
    ending.clean = found.size === 0 ? ending.clean + 1 : 0;
    if (found.size > 0 && ending.killAt === Number.POSITIVE_INFINITY)
      ending.killAt = performance.now() + (ending.wish.isUrgent ? 0 : TERM_MS);
    const isLate = performance.now() >= ending.killAt;
    // The code that waits for a program is dead before that: it does not go on in the moment before its runner is killed.
    const isPrelude = ending.wish.isAbrupt && !ending.wish.isUrgent && !ending.isBegun;
    ending.isBegun = true;
    if (isPrelude) return;
    for (const each of found.values()) this.#signal(ending, each, isLate);
    if (performance.now() < ending.killAt + GIVE_UP_MS) return;
    this.#giveUp(ending, 'they do not die of SIGKILL', [...found.values()]);
  }

  /** Those of a wish that live: with a mark of it, or begun by one of those with an environment of its own. */
  #of({ wish, found }: Ending, there: readonly MarkedProcess[]): MarkedProcess[] {
    const chosen = there.filter(
      (each) => found.has(keyOf(each)) || each.marks.some((mark) => this.#isWanted(wish, mark)),
    );
    const unmarked = new Map<number, MarkedProcess[]>();
    for (const each of there) {
      if (each.marks.length > 0) continue;
      const siblings = unmarked.get(each.parent);
      if (siblings) siblings.push(each);
      else unmarked.set(each.parent, [each]);
    }
    const all = new Map(chosen.map((each) => [each.pid, each]));
    // Those that are added are come to as well.
    for (const { pid } of all.values()) {
      for (const child of unmarked.get(pid) ?? []) all.set(child.pid, child);
    }
    return [...all.values()];
  }

  #isWanted({ isOne }: EndWish, mark: string): boolean {
    return isOne(mark) && !this.#parts.isSpared(mark);
  }

  #signal(ending: Ending, each: Found, isLate: boolean): void {
    const signal = isLate ? 'SIGKILL' : 'SIGTERM';
    if (each.isTold && each.how === signal) return;
    if (!this.#isStill(ending.wish, each.process)) return;
    try {
      process.kill(each.pid, signal);
      each.how = signal;
      each.isTold = true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ESRCH') return;
      if (code !== 'EPERM') throw error;
      // Another user's, such as what sudo runs.
      this.#giveUp(ending, 'they are of another user', [each]);
    }
  }

  /** Right before a signal: the pid is not another process's meanwhile, nor the process on somebody else's account. */
  #isStill(wish: EndWish, { pid, startedAt, marks }: MarkedProcess): boolean {
    if (processFacts(pid)?.startedAt !== startedAt) return false;
    const now = processMarks(pid);
    return now.length === 0 || marks.length === 0 || now.some((mark) => this.#isWanted(wish, mark));
  }

  #giveUp({ found, beyond }: Ending, why: string, left: readonly Found[]): void {
    if (left.length === 0) return;
    for (const { process } of left) {
      found.delete(keyOf(process));
      beyond.add(keyOf(process));
    }
    this.#parts.onFault(
      why,
      left.map(({ pid }) => pid),
    );
  }

  #isOver({ clean, found }: Ending, { after, clean: wanted, onSeen, resolve }: Wait): boolean {
    if (this.#looks === after + 1) onSeen();
    if (found.size > 0 || clean < wanted || this.#looks - wanted < after) return false;
    resolve();
    return true;
  }
}

function keyOf({ pid, startedAt }: Pick<MarkedProcess, 'pid' | 'startedAt'>): string {
  return `${pid} ${startedAt}`;
}
