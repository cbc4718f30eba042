import type { MessageBody } from '@flux/contracts';
import type { Runner, Tenant } from '../runners/runner.js';
import type { ToldEvent } from '../wire/packed-event.js';
import type { BegunTask, ExecutionNews } from '../wire/protocol.js';
import { ChildrenHeard } from './children-heard.js';
import { attemptTransition, type AttemptState, type AttemptTrigger } from './transitions.js';

/** How messages name an attempt. */
export type AttemptRef = MessageBody<'fence'>;

export interface AttemptParts extends AttemptRef {
  readonly workflowName: string;
  /** The attempt's number in messages to and from its runner. */
  readonly handle: number;
  /** `undefined` when there was none for the attempt. */
  readonly runner: Runner | undefined;
  /** The number of ends of children that are in the history. */
  readonly childrenHeard: number;
  /** The start carries the cancel. */
  readonly isSignalled: boolean;
}

/** An attempt that this worker owns, from the claim until the last event is safe. */
export class Attempt implements Tenant {
  readonly ref: AttemptRef;
  readonly workflowName: string;
  readonly handle: number;
  readonly runner: Runner | undefined;
  readonly childrenHeard: ChildrenHeard;
  /** Its tasks that have begun and have no end yet, by call. */
  readonly begunTasks = new Map<string, BegunTask>();
  #state: AttemptState;
  #lastEvent: ToldEvent | undefined;
  #checkpoints = 0;
  #isPlaceLent = false;

  constructor(parts: AttemptParts) {
    this.ref = { executionId: parts.executionId, attempt: parts.attempt };
    this.workflowName = parts.workflowName;
    this.handle = parts.handle;
    this.runner = parts.runner;
    this.childrenHeard = new ChildrenHeard(parts.childrenHeard);
    this.#state = parts.isSignalled ? 'signalled' : 'running';
  }

  get executionId(): string {
    return this.ref.executionId;
  }

  get hasOwnRunner(): boolean {
    return this.runner !== undefined && this.runner.kind !== 'shared';
  }

  get state(): AttemptState {
    return this.#state;
  }

  /** The execution is this worker's as far as the worker knows: the body runs here, or its last event is not safe yet. */
  get isOwned(): boolean {
    return this.#state !== 'fenced' && this.#state !== 'over';
  }

  /** It takes up no place while it only waits for children. */
  get isPlaceLent(): boolean {
    return this.#isPlaceLent;
  }

  /** @returns whether that is new */
  lend(isLent: boolean): boolean {
    const isNew = isLent !== this.#isPlaceLent;
    this.#isPlaceLent = isLent;
    return isNew;
  }

  /** How the body ended in a runner of its own, or will have ended with its runner. */
  get lastEvent(): ToldEvent | undefined {
    return this.#lastEvent;
  }

  /** The body can be told something. */
  get isRunning(): boolean {
    return this.#state === 'running' || this.#state === 'signalled';
  }

  /** Moves on as the table of transitions has it. @returns false when the table refuses */
  take(trigger: AttemptTrigger): boolean {
    const transition = attemptTransition(this.#state, trigger, this.hasOwnRunner);
    if (transition.kind === 'refuse') return false;
    this.#state = transition.to;
    return true;
  }

  /** The body has ended, with `event`. @returns false when that is of no consequence */
  endBody(event: ToldEvent): boolean {
    if (!this.take('body_end')) return false;
    if (this.hasOwnRunner) this.#lastEvent = event;
    return true;
  }

  /** Has the attempt end with `event` once its runner is dead. @returns false when its code has ended, or is being stopped */
  condemn(event: ToldEvent): boolean {
    if (!this.isRunning || this.#lastEvent) return false;
    this.#lastEvent = event;
    return true;
  }

  /** The number of the attempt's next checkpoint, from 1 on. */
  nextCheckpoint(): number {
    this.#checkpoints += 1;
    return this.#checkpoints;
  }

  tellRunner(message: ExecutionNews): void {
    this.runner?.post({ ...message, handle: this.handle });
  }
}
