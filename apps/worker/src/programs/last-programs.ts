import { spawn } from 'node:child_process';
import { sleep } from '@flux/domain';
import { within } from '../flow/within.js';
import { DetachedMarks } from './detached.js';
import { Ender } from './ender.js';
import { markedBy, type Incarnation } from './marks.js';
import { processStart, showsProcesses } from './processes.js';

/** Most die of the first signals; another worker gets the executions soon. */
const KILL_LIMIT_MS = 100;
/** A process that ends closes what it has open a moment before it is dead. */
const DEATH_LIMIT_MS = 200;
const LOOK_EVERY_MS = 5;
/** A look at a process that is stuck in the system may never return: the caller's process group is dead all the same. */
const ANYWAY = 'sleep 1; kill -KILL 0';

const nothing = (): void => undefined;

/** The programs of a worker whose supervisor is gone, or frozen: whoever sees that first ends them. */
export class LastPrograms {
  readonly #incarnation: string;
  readonly #worker: Incarnation | undefined;

  /** @param incarnation how marks name the worker; absent: its programs have none */
  constructor(incarnation: string | undefined) {
    this.#incarnation = `${incarnation}:`;
    this.#worker = showsProcesses() ? markedBy(this.#incarnation) : undefined;
  }

  /** Whether the supervisor is dead, or soon is. */
  async areOrphaned(): Promise<boolean> {
    if (!this.#worker) return false;
    const { pid, startedAt } = this.#worker;
    for (const limit = performance.now() + DEATH_LIMIT_MS; processStart(pid) === startedAt;) {
      if (performance.now() > limit) return false;
      await sleep(LOOK_EVERY_MS);
    }
    return true;
  }

  /** Kills all that are not detached, as far as that takes no longer than 0.1 s. The caller's process group dies next. */
  async kill(): Promise<void> {
    if (!this.#worker) return;
    killGroupAnyway();
    const isOne = (mark: string): boolean => mark.startsWith(this.#incarnation);
    // Whom a fault could be told is gone.
    const detached = new DetachedMarks(nothing);
    detached.restore(isOne);
    const ender = new Ender({ isSpared: (mark) => detached.has(mark), onFault: nothing });
    const wish = { key: 'last', isOne, since: this.#worker.startedAt, isAbrupt: true, isUrgent: true };
    await within(KILL_LIMIT_MS, ender.end(wish));
  }
}

function killGroupAnyway(): void {
  try {
    spawn('sh', ['-c', ANYWAY], { stdio: 'ignore' }).on('error', nothing);
  } catch {
    // Without memory for another process the look alone must do.
  }
}
