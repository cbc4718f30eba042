import { setTimeout as wait } from 'node:timers/promises';

/** The time between SIGTERM and SIGKILL. */
const TERM_GRACE_MS = 300;
/**
 * The wait for the list of processes to empty. Nothing survives SIGKILL: a process that is still listed then is dead,
 * and waits for a parent that does not look.
 */
const REAP_LIMIT_MS = 200;
const LOOK_EVERY_MS = 10;

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
    for (const limit = performance.now() + limitMs; performance.now() < limit && this.#signal(0);) {
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
