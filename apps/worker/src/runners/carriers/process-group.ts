import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** The time between SIGTERM and SIGKILL. */
const TERM_GRACE_MS = 300;
/** The wait for what was killed to be gone. Nothing survives SIGKILL. */
const REAP_LIMIT_MS = 200;
const LOOK_EVERY_MS = 10;
/** How often the list of all processes is looked through, which takes longer. */
const LIST_EVERY_MS = 40;
/** A process that has ended, and waits for a parent that does not look. */
const DEAD = /^[ZX]/;

/** The processes that a runner process leads: itself and whatever it has started, as long as they stay with it. */
export class ProcessGroup {
  readonly #leader: number;
  #ending: Promise<void> | undefined;
  #urgent = false;
  #onUrgent: () => void = () => undefined;

  /** @param leader process id of its leader, which is the group's own */
  constructor(leader: number) {
    this.#leader = leader;
  }

  /**
   * Sends SIGTERM to the whole group, and SIGKILL 300 ms later to the rest; SIGKILL at once where the end is
   * `urgent`. Resolves when none is left. Idempotent; an urgent call hurries an earlier one.
   */
  end(urgent: boolean): Promise<void> {
    if (urgent) {
      this.#urgent = true;
      this.#onUrgent();
    }
    return (this.#ending ??= this.#end());
  }

  async #end(): Promise<void> {
    if (!this.#urgent) {
      this.#signal('SIGTERM');
      const hurry = new Promise<void>((resolve) => (this.#onUrgent = resolve));
      await Promise.race([this.#gone(TERM_GRACE_MS), hurry]);
    }
    if (!this.#signal('SIGKILL')) return;
    await this.#gone(REAP_LIMIT_MS);
  }

  async #gone(limitMs: number): Promise<void> {
    let listAt = performance.now() + LOOK_EVERY_MS;
    for (const limit = performance.now() + limitMs; performance.now() < limit && this.#signal(0);) {
      if (performance.now() >= listAt) {
        if (await areAllDead(this.#leader)) return;
        listAt = performance.now() + LIST_EVERY_MS;
      }
      await wait(LOOK_EVERY_MS);
    }
  }

  /** Sends a signal. @returns false when nobody is left to get the signal */
  #signal(signal: NodeJS.Signals | 0): boolean {
    try {
      process.kill(-this.#leader, signal);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // EPERM: somebody is there who gave up the right to be told; SIGKILL does not get there either.
      if (code === 'ESRCH' || code === 'EPERM') return false;
      throw error;
    }
  }
}

/** Whether what is still listed of a group is dead, as far as Linux tells; elsewhere nobody knows. */
async function areAllDead(group: number): Promise<boolean> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const states = await Promise.all(ids.map((id) => stateIn(group, id)));
  return ids.length > 0 && states.every((state) => state === undefined || DEAD.test(state));
}

/** The state of a process, if it is of that group. */
async function stateIn(group: number, id: string): Promise<string | undefined> {
  const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '');
  // The command's name comes second, in parentheses, and may itself hold spaces and parentheses.
  const [state, , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(itsGroup) === group ? state : undefined;
}
