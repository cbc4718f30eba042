import type { CancelNotice, MessageBody, WorkerWish, WorkflowDefinition } from '@flux/contracts';
import type { Outcome, Subscription } from '@flux/messaging';
import type { AttemptRef } from './attempts/attempt.js';
import { Attempts } from './attempts/attempts.js';
import { within } from './flow/within.js';
import { Claims } from './intake/claims.js';
import { Intake } from './intake/intake.js';
import { ApiClock } from './ownership/api-clock.js';
import { ByHand } from './ownership/by-hand.js';
import { Membership } from './ownership/membership.js';
import { Ownership, type OwnershipOptions } from './ownership/ownership.js';
import type { WorkerBus } from './ownership/worker-bus.js';
import type { Programs } from './programs/programs.js';
import { Checkpoints } from './reports/checkpoints.js';
import { Progress } from './reports/progress.js';
import { BlockedRunners } from './runners/blocked-runners.js';
import { CodeWatch } from './runners/code-watch.js';
import type { OpenCarrier } from './runners/carriers/carrier.js';
import type { Runner } from './runners/runner.js';
import { Runners } from './runners/runners.js';
import { Strays } from './runners/strays.js';

const FLUSH_LIMIT_MS = 5000;
const LEAVE_LIMIT_MS = 2000;

export interface SupervisorOptions extends WorkerBus, Pick<OwnershipOptions, 'embedded'> {
  readonly name: string;
  /** Absolute path of the folder with the workflows. */
  readonly directory: string;
  /** Executions at a time, ≥ 1. */
  readonly concurrency: number;
  /** Shared runners, ≥ 1. */
  readonly runners: number;
  /** Runners that are kept warm beside those in use, ≥ 0. */
  readonly spares: number;
  /** The most bytes of JSON that an input, an output or a progress may have. */
  readonly maxPayloadBytes: number;
  /** The most bytes of a runner's heap; default: Node's own limit. */
  readonly memoryBytes?: number | undefined;
  /** The time that executions may go on when the worker is closed. */
  readonly drainMs: number;
  /** How long a runner may be busy before it is told of. */
  readonly blockedAfterMs: number;
  /** How long a schema may look at an input before its runner is killed. */
  readonly inputCheckMs: number;
  /** Ends what workflow code starts. */
  readonly programs: Programs;
  /** Starts what runners run in; processes unless given. */
  readonly open?: OpenCarrier;
}

/** Owns the broker link: takes executions, hands them to runners, reports what they do, and stops them. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #clock = new ApiClock();
  readonly #ownership: Ownership;
  readonly #membership: Membership;
  readonly #runners: Runners;
  readonly #blocked: BlockedRunners;
  readonly #codeWatch: CodeWatch;
  readonly #strays: Strays;
  readonly #programs: Programs;
  readonly #attempts: Attempts;
  readonly #checkpoints: Checkpoints;
  readonly #claims: Claims;
  readonly #intake: Intake;
  readonly #byHand = new ByHand();
  /** Aborts when the drain by hand is over. */
  #drainByHand = new AbortController();
  #draining = false;
  /** The hand-overs by hand in which runners are being killed. */
  #handOvers = 0;
  #hasJoined = false;
  #leftBehind: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    const { bus, topology, log } = options;
    this.#options = options;
    this.#ownership = new Ownership({
      ...options,
      control: topology.control(options.workerId),
      onLost: () => this.#stopAll(),
      onRegained: () => {
        if (!this.#draining) this.#intake.open();
      },
      onMissing: () => this.#membership.registerAgain(),
    });
    this.#strays = new Strays(log);
    this.#programs = options.programs;
    this.#runners = this.#createRunners();
    this.#blocked = new BlockedRunners({
      afterMs: options.blockedAfterMs,
      log,
      runners: () => this.#runners.all(),
      onChange: () => this.#membership.beatNow(),
    });
    this.#codeWatch = new CodeWatch({ ...options, onChange: () => this.#membership.beatNow() });
    this.#checkpoints = new Checkpoints(options);
    const progress = new Progress(bus, topology);
    this.#attempts = new Attempts({
      ...options,
      runners: this.#runners,
      programs: this.#programs,
      ownership: this.#ownership,
      clock: this.#clock,
      isDraining: () => this.#draining || this.#handOvers > 0,
      onEvent: (...event) => this.#checkpoints.append(...event),
      onProgress: (update) => progress.publish(update),
      onPlaceFree: (isLent) => this.#intake.release(isLent),
      onPlaceLent: (isLent) => this.#intake.lend(isLent),
    });
    this.#claims = new Claims(options);
    this.#intake = new Intake({
      ...options,
      claims: this.#claims,
      versionOf: (workflowName) => this.#runners.versionOf(workflowName),
      isReadyFor: (workflowName) => this.#runners.isReadyFor(workflowName, options.blockedAfterMs),
      onGrant: (grant) => {
        this.#attempts.begin(grant);
        // Asked for before the drain was.
        if (this.#byHand.kind === 'drain') void this.#handOver();
      },
      runs: (executionId) => this.#attempts.runs(executionId),
      onUnknownWorker: () => this.#membership.registerAgain(),
      onHeldByHand: () => this.#membership.beatNow(),
    });
    this.#membership = this.#createMembership();
  }

  /**
   * Starts the runners.
   * @returns the workflows they have
   * @throws FluxError `INVALID_WORKFLOWS`
   */
  load(): Promise<readonly WorkflowDefinition[]> {
    this.#leftBehind = this.#programs.endLeftBehind();
    return this.#runners.load();
  }

  /** Resolves once the api knows this worker, whose control queue must be consumed before. */
  async join(): Promise<void> {
    this.#ownership.link.watch();
    this.#blocked.watch();
    if (this.#runners.code) this.#codeWatch.watch(this.#runners.code);
    // What it takes may be what programs of its earlier life still work on.
    await this.#leftBehind;
    await this.#membership.join();
    this.#hasJoined = true;
  }

  /** Has the flow of a run queue steered from now on. */
  addRunQueue(workflowName: string, subscription: Subscription): void {
    this.#intake.addRunQueue(workflowName, subscription);
  }

  /** An execution waits for a worker. */
  takeDelivery(message: MessageBody<'run'>, redelivered: boolean): Promise<Outcome> {
    return this.#intake.takeDelivery(message, redelivered);
  }

  /** An execution waits for a worker, and time is short. */
  async offer(message: MessageBody<'offer'>): Promise<void> {
    // The api may know of a registration whose answer was lost: without the answer this worker has no lease that could end.
    if (this.#hasJoined) await this.#intake.offer(message);
  }

  /** Cancels an execution that this worker runs, or is about to run; any other is not its business. */
  cancel(notice: CancelNotice): void {
    if (this.#attempts.cancel(notice)) return;
    // The body has not begun, so the wait is not its time.
    const isEarly = this.#intake.keepEarly(notice, () => this.cancel(notice));
    const { executionId } = notice;
    if (!isEarly) this.#options.log.debug({ executionId }, 'a cancel for what does not run here');
  }

  /** Has an attempt parked at its next call. */
  pause(message: MessageBody<'pause'>): void {
    if (!this.#attempts.pause(message)) this.#intake.keepEarly(message, () => this.pause(message));
  }

  /** Tells an execution that runs here, or is about to, that a child of it has ended. */
  childEnded(message: MessageBody<'child'>): void {
    if (!this.#attempts.childEnded(message)) this.#intake.keepEarly(message, () => this.childEnded(message));
  }

  /** An api that can write asks whether this worker is alive. */
  asked(): void {
    this.#membership.asked();
  }

  /** Obeys a wish by hand, unless it has heard a later one. */
  wished(wish: WorkerWish): void {
    const before = this.#byHand.kind;
    if (!this.#byHand.hear(wish) || wish.kind === before) return;
    this.#options.log.info({ wish: wish.kind, before }, 'asked by hand');
    this.#intake.hold(wish.kind);
    this.#drainByHand.abort();
    this.#drainByHand = new AbortController();
    if (wish.kind === 'drain') void this.#handOver();
  }

  /** Hands over what still runs after the drain time, unless the drain is over by then. Never rejects. */
  async #handOver(): Promise<void> {
    const { signal } = this.#drainByHand;
    await this.#intake.idle(this.#options.drainMs, signal);
    if (this.#draining || signal.aborted) return;
    this.#handOvers += 1;
    await this.#runners.empty();
    this.#handOvers -= 1;
  }

  /** Stops an attempt that owns its execution no more. */
  fence(attempt: AttemptRef): void {
    this.#attempts.fence(attempt);
  }

  /**
   * Takes nothing more, lets executions go on for the drain time, gives the rest back and takes leave. Cancels are
   * obeyed until then. Resolves when every runner is dead; never rejects.
   */
  async close(): Promise<void> {
    this.#draining = true;
    this.#drainByHand.abort();
    this.#intake.close();
    this.#runners.drain();
    this.#membership.beatNow();
    await this.#intake.idle(this.#options.drainMs);
    await this.#runners.close();
    await this.#attempts.programEnds.idle();
    await this.#flush();
    await this.#membership.leave(LEAVE_LIMIT_MS);
    this.#ownership.link.close();
    this.#blocked.close();
    this.#codeWatch.close();
    await this.#programs.close();
  }

  /** Waits for checkpoints as long as some of them get through: a slow link is no reason to lose any. */
  async #flush(): Promise<void> {
    for (let before = -1; before !== this.#checkpoints.sent;) {
      before = this.#checkpoints.sent;
      if (await within(FLUSH_LIMIT_MS, this.#checkpoints.flushed())) break;
    }
    this.#checkpoints.drop();
  }

  #stopAll(): void {
    this.#intake.close();
    this.#checkpoints.drop();
    this.#attempts.giveUp();
    this.#membership.registerAgain();
  }

  #createRunners(): Runners {
    const { open, directory, maxPayloadBytes, memoryBytes, inputCheckMs, runners, spares, log } =
      this.#options;
    return new Runners({
      open,
      data: {
        directory,
        maxPayloadBytes,
        memoryBytes,
        inputCheckMs,
        incarnation: this.#programs.incarnation,
      },
      clock: this.#ownership.clock,
      size: runners,
      spares,
      log,
      listener: {
        onMessage: (runner, message) => this.#attempts.hear(runner, message),
        onOverdue: (runner) => this.#overdue(runner),
        onSlowCheck: (runner, handle) => this.#attempts.failSlowCheck(runner, handle),
        onStrays: (runner, { workflowName, open }) => {
          // A runner of its own ends with the execution.
          if (runner.kind === 'shared') this.#strays.note(workflowName, open);
        },
        onEnding: (runner) => this.#attempts.runnerEnds(runner),
        onDeath: (runner, error) => this.#died(runner, error),
      },
    });
  }

  /** A runner whose time was up has ended itself: what it ran is not this worker's to tell of. */
  #died(runner: Runner, error: Error | undefined): void {
    if (!runner.killed && this.#ownership.clock.isUp)
      this.#ownership.lose('a runner ended since its time was up');
    this.#attempts.runnerDied(runner, error);
  }

  /** A runner that was held up may not have heard yet that this worker owns what it runs for longer. */
  #overdue(runner: Runner): void {
    if (this.#ownership.clock.isUp) this.#ownership.lose('a runner found that its time was up');
    else void runner.abandon();
  }

  #createMembership(): Membership {
    const { name, concurrency, runners } = this.#options;
    const { givenUp, programEnds } = this.#attempts;
    const self = { name, startedAt: Date.now(), concurrency, runners };
    return new Membership({
      ...this.#options,
      clock: this.#clock,
      registration: async () => {
        await givenUp.stopped();
        await programEnds.idle();
        const { workflows } = this.#runners;
        return { ...self, workflows, stopped: givenUp.list(), unanswered: [...this.#claims.giveUp()] };
      },
      onRegistered: ({ stopped, unanswered }, { takesTaskStarts = false, takesPrograms = false }) => {
        this.#attempts.begunTasks.isTaken = takesTaskStarts;
        programEnds.isTaken = takesPrograms;
        givenUp.told(stopped);
        this.#claims.told(unanswered);
        this.#ownership.link.registered();
      },
      heartbeat: () => ({
        state: this.#draining ? 'draining' : 'running',
        running: this.#attempts.owned(),
        claiming: this.#claims.underWay(),
        blocked: this.#blocked.list(),
        changedFiles: this.#codeWatch.list(),
        strays: this.#strays.list(),
      }),
      onReply: ({ fenced, cancels }) => {
        for (const attempt of fenced) this.fence(attempt);
        for (const notice of cancels) this.cancel(notice);
      },
      onWish: (wish) => this.wished(wish),
      onLease: (until) => this.#ownership.renewLease(until),
      onLeaseLost: () => this.#ownership.lose('no heartbeat got through for a whole lease'),
    });
  }
}
