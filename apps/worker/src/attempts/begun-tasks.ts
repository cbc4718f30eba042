import type { CheckpointEvent } from '@flux/contracts';
import { LongTimer } from '@flux/domain';
import { isPacked, type ToldEvent } from '../wire/packed-event.js';
import type { BegunTask } from '../wire/protocol.js';
import type { Attempt } from './attempt.js';

type Interruption = Extract<CheckpointEvent, { type: 'task_interrupted' }>;
/** How tasks were cut off. */
export type Cut = Pick<Interruption, 'how' | 'runner' | 'cause'>;

/** The events that end a task. */
const TASK_ENDS: ReadonlySet<CheckpointEvent['type']> = new Set([
  'task_completed',
  'task_failed',
  'task_interrupted',
]);

/** A task that ends before that time is told by its end alone, which says when it began. */
const TELL_AFTER_MS = 100;

interface Start {
  readonly attempt: Attempt;
  readonly task: BegunTask;
  /** On the clock of `performance.now()`. */
  readonly dueAt: number;
}

/** The tasks that have begun here and have no end yet: tells the api of those that last, and of those that are cut off. */
export class BegunTasks {
  /** Whether the api takes these events; one of a version before does not. */
  isTaken = false;
  readonly #report: (attempt: Attempt, event: CheckpointEvent) => void;
  /** Oldest first; some have ended. */
  #starts: Start[] = [];
  #timer: LongTimer | undefined;

  constructor(report: (attempt: Attempt, event: CheckpointEvent) => void) {
    this.#report = report;
  }

  begin(attempt: Attempt, task: BegunTask): void {
    if (!this.isTaken) return;
    attempt.begunTasks.set(task.callId, task);
    this.#starts.push({ attempt, task, dueAt: performance.now() + TELL_AFTER_MS });
    this.#arm();
  }

  /**
   * Hears an event of a body, which may end a task. A result that is left out after a cancel leaves the task cut off.
   * @returns the event as it is to be told
   */
  ended(attempt: Attempt, event: ToldEvent): ToldEvent {
    if (!TASK_ENDS.has(event.type) || !('callId' in event)) return event;
    const callId = event.callId ?? '';
    const task = attempt.begunTasks.get(callId);
    attempt.begunTasks.delete(callId);
    if (!task || !isPacked(event) || !event.isMoot) return event;
    const cut = { how: 'rejected', settled: 'returned', at: Date.now() } as const;
    return { ...event, instead: { type: 'task_interrupted', ...task, ...cut } };
  }

  /** Tells of the tasks of an attempt whose code is over that have no end: they were cut off. */
  cut(attempt: Attempt, cut: Cut): void {
    const tasks = [...attempt.begunTasks.values()];
    attempt.begunTasks.clear();
    for (const task of tasks) {
      this.#report(attempt, { type: 'task_interrupted', ...task, ...cut, at: Date.now() });
    }
  }

  #arm(): void {
    const [next] = this.#starts;
    if (!next || this.#timer) return;
    this.#timer = new LongTimer(Math.max(0, next.dueAt - performance.now()), () => this.#tellDue());
  }

  #tellDue(): void {
    this.#timer = undefined;
    const now = performance.now();
    const later = this.#starts.findIndex(({ dueAt }) => dueAt > now);
    for (const { attempt, task } of this.#starts.splice(0, later < 0 ? Infinity : later)) {
      if (attempt.begunTasks.get(task.callId) !== task) continue;
      this.#report(attempt, { type: 'task_started', ...task, at: Date.now() });
    }
    this.#arm();
  }
}
