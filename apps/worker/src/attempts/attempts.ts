import type { CheckpointEvent, ClaimGrant, ErrorInfo, MessageBody, ProgressUpdate } from '@flux/contracts';
import type { ApiClock } from '../ownership/api-clock.js';
import type { WorkerBus } from '../ownership/worker-bus.js';
import type { Ownership } from '../ownership/ownership.js';
import type { ExecutionMessage, Runner } from '../runners/runner.js';
import type { Runners } from '../runners/runners.js';
import { runnerGroup } from '../programs/marks.js';
import type { Programs } from '../programs/programs.js';
import type { ToldEvent } from '../wire/packed-event.js';
import { Attempt, type AttemptRef } from './attempt.js';
import { BegunTasks, type Cut } from './begun-tasks.js';
import { Escalation, killedEvent } from './escalation.js';
import { Fetches } from './fetches.js';
import { GivenUp } from './given-up.js';
import { ProgramEnds } from './program-ends.js';
import { AttemptRegistry } from './registry.js';

/** The events after which an attempt reports nothing more. */
const LAST_EVENTS: ReadonlySet<CheckpointEvent['type']> = new Set(['finished', 'parked', 'handed_back']);

/** How a runner died by itself. */
type Death = Pick<Extract<CheckpointEvent, { type: 'handed_back' }>, 'died' | 'cause'>;

/** The events that no body waits for. */
const UNCONFIRMED: ReadonlySet<CheckpointEvent['type']> = new Set([
  'cancel_delivered',
  'task_started',
  'task_interrupted',
  'program_ended',
]);

const LONGEST_CAUSE = 500;

export interface AttemptsOptions extends WorkerBus {
  readonly runners: Runners;
  readonly ownership: Ownership;
  readonly clock: ApiClock;
  /** How long a schema may look at an input; milliseconds. */
  readonly inputCheckMs: number;
  readonly programs: Programs;
  /** Runners are killed so that others go on with what they run. */
  isDraining(): boolean;
  /** @param onConfirmed called once the broker has the event */
  onEvent(attempt: Attempt, event: ToldEvent, onConfirmed: () => void): void;
  onProgress(update: ProgressUpdate): void;
  /** A granted execution takes up its place no more, which it may have lent. */
  onPlaceFree(isLent: boolean): void;
  /** An execution lends its place, or goes on. */
  onPlaceLent(isLent: boolean): void;
}

/** The attempts of this worker: begins them, hears of them from their runners, and ends them. */
export class Attempts {
  /** The attempts that were stopped without a report, until the api knows. */
  readonly givenUp = new GivenUp();
  readonly begunTasks = new BegunTasks((attempt, event) => this.#report(attempt, event));
  readonly programEnds: ProgramEnds;
  readonly #options: AttemptsOptions;
  readonly #registry = new AttemptRegistry();
  readonly #escalation: Escalation;
  readonly #fetches: Fetches;
  #handles = 0;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#fetches = new Fetches(options);
    const report = (attempt: Attempt, event: CheckpointEvent): void => this.#report(attempt, event);
    this.programEnds = new ProgramEnds({ ...options, report });
    this.#escalation = new Escalation(report, options.log);
  }

  /** Begins a granted attempt, or gives it back. */
  begin(grant: ClaimGrant): void {
    const { executionId, attempt: number, workflowName, input, inputTypes, history, next, cancel } = grant;
    const { runners, ownership, clock } = this.#options;
    for (const other of this.#registry.attemptsOf(executionId)) {
      if (other.ref.attempt === number) return this.#options.onPlaceFree(false);
      this.#escalation.stop(other, 'fence');
    }
    if (ownership.isLost) {
      this.givenUp.addGrant(grant);
      return this.#options.onPlaceFree(false);
    }
    const runner = runners.pick(workflowName, grant);
    this.#handles += 1;
    const attempt = new Attempt({
      executionId,
      attempt: number,
      workflowName,
      handle: this.#handles,
      runner,
      childrenHeard: grant.childrenHeard ?? 0,
      isSignalled: cancel !== null,
    });
    this.#registry.add(attempt);
    if (!runner) return this.#runnerDied(attempt);
    runner.tenants.set(attempt.handle, attempt);
    const start = { executionId, attempt: number, input, inputTypes, history: clock.toOurs(history), cancel };
    const more = grant.inputFollows === true || next !== undefined || !runner.isLoaded;
    runner.post({ kind: 'start', handle: attempt.handle, workflowName, start, more });
    if (more) {
      this.#escalation.arriving(attempt);
      void this.#fetches.completeStart(attempt, runner, grant).then((owned) => {
        this.#escalation.arrived(attempt);
        if (!owned) this.fence(attempt.ref);
      });
    }
    if (cancel) this.#escalation.runToCancel(attempt, cancel);
  }

  /** @returns false when the attempt is not here; so do {@link pause} and {@link childEnded} */
  cancel(notice: MessageBody<'cancel'>): boolean {
    const attempt = this.#registry.find(notice);
    if (attempt) this.#escalation.cancel(attempt, notice);
    return attempt !== undefined;
  }

  /** Has an attempt parked at its next call. */
  pause(message: MessageBody<'pause'>): boolean {
    const attempt = this.#registry.find(message);
    if (attempt?.take('tell')) attempt.tellRunner({ kind: 'pause' });
    return attempt !== undefined;
  }

  /** Tells a body that a child of it has ended. */
  childEnded(message: MessageBody<'child'>): boolean {
    const attempt = this.#registry.find(message);
    if (attempt) void this.#tellEnd(attempt, message.entry);
    return attempt !== undefined;
  }

  async #tellEnd(attempt: Attempt, word: MessageBody<'child'>['entry']): Promise<void> {
    const entry = word.end ? { ...word, end: word.end } : await this.#fetches.childEnd(attempt, word.number);
    if (!entry) return;
    attempt.childrenHeard.add(entry.number);
    if (attempt.take('tell')) attempt.tellRunner({ kind: 'child', entry });
  }

  /** Stops an attempt that owns its execution no more. */
  fence(ref: AttemptRef): void {
    const attempt = this.#registry.find(ref);
    if (!attempt || !this.#escalation.stop(attempt, 'fence')) return;
    this.#options.log.warn(attempt.ref, 'stopped: another attempt owns it');
  }

  /** Stops all attempts, before others can own them. */
  giveUp(): void {
    for (const attempt of this.#registry.all()) {
      if (attempt.isOwned) this.givenUp.add(attempt);
      this.#escalation.stop(attempt, 'lose_ownership');
      if (attempt.state === 'over') this.#registry.remove(attempt);
    }
  }

  runs(executionId: string): boolean {
    return this.#registry.attemptsOf(executionId).some((attempt) => attempt.isOwned);
  }

  /** The attempts that heartbeats tell of. */
  owned(): MessageBody<'heartbeat'>['running'] {
    const owned = this.#registry.all().filter((attempt) => attempt.isOwned);
    return owned.map(({ ref, childrenHeard }) => ({ ...ref, childrenHeard: childrenHeard.upTo }));
  }

  /** Hears a runner's message about an attempt, which may be none of this worker's. */
  hear(runner: Runner, message: ExecutionMessage): void {
    const attempt = message.handle === null ? undefined : this.#ranBy(runner, message.handle);
    if (message.kind === 'log') {
      const { ref, workflowName } = attempt ?? {};
      this.#options.log[message.level]({ ...message.fields, ...ref, workflowName }, message.message);
      return;
    }
    if (message.kind === 'program' && message.handle === null) {
      runner.hasPrograms = true;
      this.#options.programs.prepare();
    }
    if (!attempt) return;
    if (message.kind === 'program') return this.programEnds.began(attempt);
    if (message.kind === 'detached') return this.programEnds.detached(attempt, message);
    if (message.kind === 'progress') {
      const { callId, name, value } = message;
      if (!attempt.isOwned) return;
      this.#options.onProgress({ ...attempt.ref, callId, name, value, at: Date.now() });
      return;
    }
    if (message.kind === 'signalled') return this.#escalation.signalled(attempt);
    if (message.kind === 'began') return this.begunTasks.begin(attempt, message.task);
    if (message.kind === 'waiting') {
      if (attempt.lend(message.onlyForChildren)) this.#options.onPlaceLent(attempt.isPlaceLent);
      return;
    }
    const event = this.begunTasks.ended(attempt, message.event);
    if (event.type === 'task_interrupted' && !this.begunTasks.isTaken) return;
    if (event.type === 'finished' || event.type === 'parked') this.#bodyEnded(attempt, event);
    else this.#report(attempt, event);
  }

  /** A runner and what it has started are about to be ended. @returns what that waits for */
  runnerEnds(runner: Runner): Promise<unknown> | undefined {
    return this.programEnds.runnerEnds(this.#allRunBy(runner));
  }

  /**
   * Ends the attempts of a dead runner: no code of the runner runs any more, so the attempts can be told to have
   * stopped.
   */
  runnerDied(runner: Runner, error: Error | undefined): void {
    const attempts = this.#allRunBy(runner);
    const workflows = [...new Set(attempts.map(({ workflowName }) => workflowName))];
    if (runner.hasPrograms) {
      const { programs } = this.#options;
      void programs.end([runnerGroup(programs.incarnation, runner.id)], true);
    }
    if (!runner.killed) {
      const { log } = this.#options;
      const { length: executions } = attempts;
      log.error({ err: error, executions, workflows, runner: runner.kind }, 'a runner died');
    }
    const died = runner.killed ? undefined : attempts.length > 1 ? 'in_company' : 'alone';
    const death: Death | undefined = died && { died, ...causeOf(error, workflows) };
    for (const attempt of attempts) this.#runnerDied(attempt, death);
  }

  /** The schema of an execution keeps its runner for too long: that execution fails, and no other attempt tries it again. */
  failSlowCheck(runner: Runner, handle: number): void {
    const attempt = this.#ranBy(runner, handle);
    const error = {
      code: 'INPUT_CHECK_TOO_SLOW',
      name: 'FluxError',
      message: `the schema takes longer to check the input than ${this.#options.inputCheckMs} ms`,
    };
    if (!attempt?.condemn(failedEvent(error, attempt.state === 'signalled'))) return;
    const { ref, workflowName } = attempt;
    this.#options.log.warn({ ...ref, workflowName }, 'killed: its schema took too long to check the input');
    void runner.kill(true);
  }

  #allRunBy(runner: Runner): Attempt[] {
    return [...runner.tenants.keys()].flatMap((handle) => this.#ranBy(runner, handle) ?? []);
  }

  #ranBy(runner: Runner, handle: number): Attempt | undefined {
    return runner.tenants.has(handle) ? this.#registry.withHandle(handle) : undefined;
  }

  #bodyEnded(attempt: Attempt, event: ToldEvent): void {
    if (!attempt.endBody(event)) return;
    if (!attempt.hasOwnRunner) return this.#end(attempt, event);
    this.#escalation.ended(attempt);
    this.programEnds.end(attempt, false, () => void attempt.runner?.kill());
  }

  #runnerDied(attempt: Attempt, death?: Death): void {
    const killed = attempt.state === 'expiring' ? killedEvent() : undefined;
    const event = attempt.lastEvent ?? killed ?? this.#handedBack(death);
    if (!attempt.take('runner_death')) return;
    const { cause } = death ?? {};
    this.#end(attempt, event, { how: 'killed', runner: attempt.runner?.kind, ...(cause && { cause }) });
  }

  #handedBack(death?: Death): CheckpointEvent {
    const at = Date.now();
    if (this.#options.isDraining()) return { type: 'handed_back', reason: 'drain', at };
    return { type: 'handed_back', reason: 'runner_lost', ...death, at };
  }

  /**
   * Reports that the code of the attempt is over, once the programs that it has started are dead. The attempt stays here
   * until its last event is safe, lest the attempt be taken for lost.
   */
  #end(attempt: Attempt, event: ToldEvent, cut: Cut = { how: 'rejected' }): void {
    this.begunTasks.cut(attempt, cut);
    attempt.runner?.tenants.delete(attempt.handle);
    this.#escalation.ended(attempt);
    this.programEnds.end(attempt, cut.how === 'killed', () => this.#endTold(attempt, event));
  }

  #endTold(attempt: Attempt, event: ToldEvent): void {
    this.#options.onPlaceFree(attempt.isPlaceLent);
    this.#report(attempt, event);
    if (attempt.state !== 'over') return;
    this.#registry.remove(attempt);
    this.givenUp.ended(attempt);
  }

  #report(attempt: Attempt, event: ToldEvent): void {
    // What waits for the confirm keeps no hold of the event, which may be large.
    const { type } = event;
    if (type !== 'cancel_delivered' && type !== 'task_started') this.#escalation.announce(attempt);
    if (!attempt.take('report')) return;
    try {
      this.#options.onEvent(attempt, this.#options.clock.toApi(event), () => {
        if (LAST_EVENTS.has(type)) this.#lastConfirmed(attempt);
        else if (!UNCONFIRMED.has(type)) {
          attempt.runner?.post({ kind: 'confirmed', handle: attempt.handle, count: 1 });
        }
      });
    } catch (error) {
      this.#cannotTell(attempt, event, error);
    }
  }

  /** What JSON cannot say, such as a value that is nested too deep, ends the execution that made it, and no other. */
  #cannotTell(attempt: Attempt, event: ToldEvent, error: unknown): void {
    const { message } = error as Error;
    this.#options.log.error({ err: error, ...attempt.ref, event: event.type }, 'an event cannot be sent');
    const signalled = event.type === 'finished' ? event.signalled : attempt.state === 'signalled';
    const why = `an event of type ${event.type} cannot be recorded: ${message}`;
    const failed = failedEvent({ code: 'INTERNAL_ERROR', name: 'Error', message: why }, signalled);
    if (LAST_EVENTS.has(event.type)) return this.#report(attempt, failed);
    attempt.tellRunner({ kind: 'stop' });
    this.#bodyEnded(attempt, failed);
  }

  #lastConfirmed(attempt: Attempt): void {
    if (attempt.take('last_confirm')) this.#registry.remove(attempt);
  }
}

/** What a runner died of, and what was in it. */
function causeOf(
  error: (Error & { readonly code?: unknown }) | undefined,
  workflows: readonly string[],
): Pick<Death, 'cause'> {
  if (!error) return {};
  const code = typeof error.code === 'string' ? error.code : null;
  const message = `${error.message}; in it: ${workflows.join(', ')}`;
  return { cause: { code, message: message.slice(0, LONGEST_CAUSE) } };
}

/** The last event of an execution of which no more can be told. */
function failedEvent(error: ErrorInfo, signalled: boolean): CheckpointEvent {
  return {
    type: 'finished',
    outcome: 'failed',
    signalled,
    output: null,
    error,
    cleanup: null,
    cleanupError: null,
    forced: false,
    at: Date.now(),
  };
}
