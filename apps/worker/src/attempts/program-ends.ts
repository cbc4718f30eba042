import type { CheckpointEvent } from '@flux/contracts';
import type { EndedProgram } from '../programs/ender.js';
import { attemptGroup, runnerGroup } from '../programs/marks.js';
import type { Programs } from '../programs/programs.js';
import type { WorkerBus } from '../ownership/worker-bus.js';
import type { FromRunner } from '../wire/protocol.js';
import type { Attempt } from './attempt.js';

/** The most programs of one attempt that are told of one by one. */
const MOST_TOLD = 100;

type Detached = Pick<Extract<FromRunner, { kind: 'detached' }>, 'mark' | 'name' | 'pid'>;

export interface ProgramEndsParts extends Pick<WorkerBus, 'log'> {
  readonly programs: Programs;
  report(attempt: Attempt, event: CheckpointEvent): void;
}

/** The programs that attempts have started, and their end with it. An attempt that has started none costs nothing. */
export class ProgramEnds {
  /** Whether the api takes these events; one of a version before does not. */
  isTaken = false;
  readonly #parts: ProgramEndsParts;
  /** The attempts that have started programs, and what was asked to end of them. */
  readonly #endings = new Map<Attempt, Array<Promise<readonly EndedProgram[]>>>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: ProgramEndsParts) {
    this.#parts = parts;
  }

  /** Code of the attempt is about to start its first program. */
  began(attempt: Attempt): void {
    this.#parts.programs.prepare();
    if (!this.#endings.has(attempt)) this.#endings.set(attempt, []);
  }

  /** The body has let a program live on. */
  detached(attempt: Attempt, { mark, name, pid }: Detached): void {
    this.#parts.programs.detach(mark);
    if (this.isTaken)
      this.#parts.report(attempt, { type: 'program_ended', name, pid, how: 'detached', at: Date.now() });
  }

  /**
   * The runner of these attempts is about to be ended, or has died. Their programs are ended as well, lest it wait for one of them.
   * @returns what the end of its process group waits for: programs that die with the runner's process group are to be told of too
   */
  runnerEnds(attempts: readonly Attempt[]): Promise<unknown> | undefined {
    const seen = attempts.flatMap((attempt) => {
      const asked = this.#endings.get(attempt);
      if (!asked) return [];
      const ending = this.#parts.programs.end(this.#groupsOf(attempt), true);
      asked.push(ending.ended);
      return [ending.seen];
    });
    return seen.length === 0 ? undefined : Promise.all(seen);
  }

  /**
   * Calls `then` once no program of an attempt lives whose code is over, and what was ended is told; at once where
   * it has started none.
   * @param isAbrupt its runner was killed
   */
  end(attempt: Attempt, isAbrupt: boolean, then: () => void): void {
    if (!this.#endings.has(attempt) && !(attempt.hasOwnRunner && attempt.runner?.hasPrograms)) return then();
    const ended = this.#end(attempt, isAbrupt).then(then);
    this.#underWay.add(ended);
    void ended.finally(() => this.#underWay.delete(ended));
  }

  /** Resolves when the programs of all attempts whose code is over have ended. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #end(attempt: Attempt, isAbrupt: boolean): Promise<void> {
    const asked = this.#endings.get(attempt) ?? [];
    const answers = await Promise.all([
      ...asked,
      this.#parts.programs.end(this.#groupsOf(attempt), isAbrupt).ended,
    ]);
    this.#endings.delete(attempt);
    const ended = [...new Map(answers.flat().map((each) => [`${each.pid} ${each.name}`, each])).values()];
    if (ended.length === 0) return;
    this.#parts.log.info(
      { ...attempt.ref, programs: ended.slice(0, MOST_TOLD), count: ended.length },
      'programs ended',
    );
    if (!this.isTaken) return;
    const more = ended.length - MOST_TOLD;
    for (const [index, { name, pid, how }] of ended.slice(0, MOST_TOLD).entries()) {
      const rest = more > 0 && index === MOST_TOLD - 1 ? { more } : {};
      this.#parts.report(attempt, { type: 'program_ended', name, pid, how, ...rest, at: Date.now() });
    }
  }

  #groupsOf({ ref, runner, hasOwnRunner }: Attempt): string[] {
    const { incarnation } = this.#parts.programs;
    const own = attemptGroup(incarnation, ref.executionId, ref.attempt);
    return hasOwnRunner && runner ? [own, runnerGroup(incarnation, runner.id)] : [own];
  }
}
