import childProcess, { ChildProcess } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { DetachedMarks } from '../programs/detached.js';
import { attemptGroup, MARK_VARIABLE, markOf, markValue, runnerGroup } from '../programs/marks.js';
import { processFacts, showsProcesses } from '../programs/processes.js';
import type { MessageBatch } from '../wire/message-batch.js';
import type { FromRunner, RunnerData } from '../wire/protocol.js';

/** The attempt whose code starts a program. */
export interface ProgramOwner {
  readonly handle: number;
  readonly executionId: string;
  readonly attempt: number;
}

/** A program that runs, or has just ended. */
interface Started {
  readonly handle: number | null;
  readonly mark: string;
  readonly name: string;
}

export interface RunnerProgramsParts extends Pick<RunnerData, 'incarnation' | 'runnerId'> {
  readonly detached?: DetachedMarks;
}

/** The supervisor keeps what is detached as well, and tells of faults. */
const toldElsewhere = (): void => undefined;

/** The options as `ChildProcess` gets them of `spawn`, `exec`, `execFile` and `fork`. */
interface SpawnOptions {
  readonly file?: unknown;
  envPairs?: string[] | undefined;
}
interface Spawning {
  spawn: (this: ChildProcess, options: SpawnOptions) => number;
}

const SYNC = ['spawnSync', 'execFileSync', 'execSync'] as const;
type SyncCall = (command: string, ...rest: readonly unknown[]) => unknown;

const UNKNOWN = 'ctx.detach takes a program that this execution has started and that still runs';
const IN_GROUP =
  "a program that is to live on is started with { detached: true }: in its runner's process group it would end with that";

/**
 * Marks what the code of a runner starts with the execution that it belongs to, and tells the supervisor before the
 * first program of each, which may be the last thing that the code does. Threads that the code starts itself mark
 * their programs as the runner's.
 */
export class RunnerPrograms {
  /** Whose code runs now; `undefined` while it is nobody's. It throws where that execution has ended. */
  ownerNow: () => ProgramOwner | undefined = () => undefined;
  readonly #incarnation: string;
  readonly #runnerGroup: string;
  readonly #outbox: MessageBatch<FromRunner>;
  readonly #detached: DetachedMarks;
  readonly #outer = process.env[MARK_VARIABLE];
  readonly #told = new Set<number | null>();
  readonly #running = new Map<number, Started>();
  #count = 0;

  constructor(
    { incarnation = '', runnerId = '', detached = new DetachedMarks(toldElsewhere) }: RunnerProgramsParts,
    outbox: MessageBatch<FromRunner>,
  ) {
    this.#detached = detached;
    this.#incarnation = incarnation;
    this.#runnerGroup = runnerGroup(incarnation, runnerId);
    this.#outbox = outbox;
  }

  /** @returns how to leave off */
  hook(): () => void {
    process.env[MARK_VARIABLE] = markValue(this.#outer, markOf(this.#runnerGroup, 0));
    const unhook = [this.#hookSpawn(), ...SYNC.map((name) => this.#hookSync(name))];
    syncBuiltinESMExports();
    return () => {
      for (const undo of unhook) undo();
      syncBuiltinESMExports();
      if (this.#outer === undefined) delete process.env[MARK_VARIABLE];
      else process.env[MARK_VARIABLE] = this.#outer;
    };
  }

  /** An execution of this runner is over. */
  ended(handle: number): void {
    this.#told.delete(handle);
  }

  /**
   * Lets a program of an execution live on.
   * @throws TypeError for anything but a program of that execution that runs, in a process group of its own
   */
  detach(handle: number, { pid }: { readonly pid?: number | undefined }): void {
    const started = pid === undefined ? undefined : this.#running.get(pid);
    if (pid === undefined || started?.handle !== handle) throw new TypeError(UNKNOWN);
    if (showsProcesses() && processFacts(pid)?.group === processFacts(process.pid)?.group)
      throw new TypeError(IN_GROUP);
    // From now on it lives on, though the supervisor is killed before it hears of it.
    this.#detached.keep(started.mark);
    this.#outbox.push({ kind: 'detached', handle, mark: started.mark, name: started.name, pid });
    this.#outbox.flush();
  }

  /** All four ways to start a program beside this one come through here, by whatever module system they were got. */
  #hookSpawn(): () => void {
    const prototype = ChildProcess.prototype as unknown as Spawning;
    const original = prototype.spawn;
    const begin = this.#begin.bind(this);
    const running = this.#running;
    prototype.spawn = function spawn(this: ChildProcess, options: SpawnOptions): number {
      const { handle, mark, value } = begin();
      const pairs =
        options.envPairs ?? Object.entries(process.env).map(([key, each]) => `${key}=${each ?? ''}`);
      const others = pairs.filter((pair) => !pair.startsWith(`${MARK_VARIABLE}=`));
      options.envPairs = [...others, `${MARK_VARIABLE}=${value}`];
      const result = original.call(this, options);
      const { pid } = this;
      if (pid === undefined) return result;
      running.set(pid, { handle, mark, name: basename(String(options.file)) });
      this.once('exit', () => {
        if (running.get(pid)?.mark === mark) running.delete(pid);
      });
      return result;
    };
    return () => (prototype.spawn = original);
  }

  #hookSync(name: (typeof SYNC)[number]): () => void {
    const calls = childProcess as unknown as Record<(typeof SYNC)[number], SyncCall>;
    const original = calls[name];
    const begin = this.#begin.bind(this);
    calls[name] = (command, ...rest) => {
      const { value } = begin();
      return original.call(childProcess, command, ...withMark(rest, value, name === 'execSync'));
    };
    return () => (calls[name] = original);
  }

  #begin(): { readonly handle: number | null; readonly mark: string; readonly value: string } {
    const owner = this.ownerNow();
    const handle = owner?.handle ?? null;
    if (!this.#told.has(handle)) {
      this.#told.add(handle);
      this.#outbox.push({ kind: 'program', handle });
      this.#outbox.flush();
    }
    this.#count += 1;
    const group = owner
      ? attemptGroup(this.#incarnation, owner.executionId, owner.attempt)
      : this.#runnerGroup;
    const mark = markOf(group, this.#count);
    return { handle, mark, value: markValue(this.#outer, mark) };
  }
}

/** The arguments behind the command, with the mark in the environment. What Node would refuse stays as it is. */
function withMark(rest: readonly unknown[], value: string, isShell: boolean): readonly unknown[] {
  const [first, second] = rest;
  const hasArguments = !isShell && (Array.isArray(first) || first === null || first === undefined);
  const options = hasArguments ? second : first;
  if (options !== null && options !== undefined && (typeof options !== 'object' || Array.isArray(options)))
    return rest;
  const { env, ...others } = (options ?? {}) as { readonly env?: Readonly<Record<string, string>> | null };
  const marked: Record<string, string | undefined> = {};
  // Node passes inherited variables on too.
  for (const key in env ?? process.env) marked[key] = (env ?? process.env)[key];
  marked[MARK_VARIABLE] = value;
  const withEnvironment = { ...others, env: marked };
  return hasArguments ? [first, withEnvironment] : [withEnvironment];
}
