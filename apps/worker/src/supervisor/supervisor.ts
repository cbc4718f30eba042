import type {
  CancelNotice,
  CheckpointEvent,
  ClaimGrant,
  MessageBody,
  Topology,
  WorkflowDefinition,
} from '@flux/contracts';
import { LINK_LOST_AFTER_MS, OWNERSHIP_STOP_MS } from '@flux/domain';
import type { Bus, Outcome, Subscription } from '@flux/messaging';
import type { Logger } from 'pino';
import { OwnershipClock } from '../runner/ownership-clock.js';
import { ApiClock } from './api-clock.js';
import { BrokerLink } from './broker-link.js';
import { BlockedRunners } from './blocked-runners.js';
import { Checkpoints } from './checkpoints.js';
import { ChildrenHeard, EarlyChildren } from './children-heard.js';
import { Claims } from './claims.js';
import { EarlyCancels } from './early-cancels.js';
import { Escalation, killedEvent } from './escalation.js';
import { GivenUp } from './given-up.js';
import type { HeldExecution } from './held-execution.js';
import { HeldExecutions } from './held-executions.js';
import { HistoryPages } from './history-pages.js';
import { Intake } from './intake.js';
import { Membership, type HeartbeatReply } from './membership.js';
import { Progress } from './progress.js';
import type { ExecutionMessage, Runner } from './runner.js';
import { Runners, type Carriers } from './runners.js';
import { within } from './within.js';

const FLUSH_LIMIT_MS = 5000;
const LEAVE_LIMIT_MS = 2000;

/** After these an attempt reports nothing more. */
const LAST_EVENTS: ReadonlySet<CheckpointEvent['type']> = new Set(['finished', 'parked', 'handed_back']);

export interface SupervisorOptions {
  readonly bus: Bus;
  readonly topology: Topology;
  readonly workerId: string;
  readonly name: string;
  /** Absolute path of the folder with the workflows. */
  readonly directory: string;
  /** Executions at a time, ≥ 1. */
  readonly concurrency: number;
  /** Runner threads, ≥ 1. */
  readonly runners: number;
  /** The most bytes of JSON that an input, an output or a progress may have. */
  readonly maxPayloadBytes: number;
  /** How long what runs may go on when the worker is closed. */
  readonly drainMs: number;
  /** Api and worker are one process: there is no link between them that could be lost. */
  readonly embedded: boolean;
  /** How long a runner may be busy before it is told of. */
  readonly blockedAfterMs: number;
  /** What runners run in; threads and processes unless given. */
  readonly carriers?: Carriers;
  readonly log: Logger;
}

/** Owns the broker link: takes executions, hands them to runners, reports what they do, and stops them. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #log: Logger;
  readonly #runners: Runners;
  readonly #blocked: BlockedRunners;
  readonly #held = new HeldExecutions();
  readonly #earlyCancels = new EarlyCancels();
  /** Attempts whose pause overtook the claim's answer, by execution. */
  readonly #earlyPauses = new Map<string, number>();
  readonly #earlyChildren = new EarlyChildren();
  readonly #checkpoints: Checkpoints;
  readonly #histories: HistoryPages;
  readonly #progress: Progress;
  readonly #escalation: Escalation;
  readonly #intake: Intake;
  readonly #claims: Claims;
  readonly #givenUp = new GivenUp();
  readonly #clock = new ApiClock();
  readonly #ownership = new OwnershipClock();
  readonly #link: BrokerLink;
  /** Of each of its workflows. */
  readonly #versions = new Map<string, string | null>();
  #membership: Membership | undefined;
  #linkUntil = Number.POSITIVE_INFINITY;
  #leaseUntil = Number.POSITIVE_INFINITY;
  #cutOff = false;
  #draining = false;
  #handles = 0;

  constructor(options: SupervisorOptions) {
    const { bus, topology, workerId, log, directory, runners, maxPayloadBytes } = options;
    this.#options = options;
    this.#log = log;
    this.#runners = new Runners({
      ...(options.carriers ? { carriers: options.carriers } : {}),
      data: { directory, maxPayloadBytes, clock: this.#ownership.buffer },
      size: runners,
      log,
      listener: {
        onMessage: (runner, message) => this.#onMessage(runner, message),
        onOverdue: () => this.#loseOwnership('a runner found that its time was up'),
        onDeath: (runner, error) => this.#onDeath(runner, error),
      },
    });
    this.#blocked = new BlockedRunners({
      afterMs: options.blockedAfterMs,
      log,
      runners: () => this.#runners.all(),
      onChange: () => this.#membership?.beatNow(),
    });
    this.#claims = new Claims(bus, topology, workerId);
    this.#link = this.#createLink();
    this.#checkpoints = new Checkpoints(bus, topology, workerId, log);
    this.#histories = new HistoryPages(bus, topology, workerId, this.#clock, log);
    this.#progress = new Progress(bus, topology);
    this.#escalation = new Escalation((held, event) => this.#report(held, event), log);
    this.#intake = new Intake({
      bus,
      topology,
      claims: this.#claims,
      concurrency: options.concurrency,
      log,
      versionOf: (workflowName) => this.#versions.get(workflowName) ?? null,
      isReadyFor: (workflowName) => this.#runners.isReadyFor(workflowName, options.blockedAfterMs),
      onGrant: (grant) => this.#start(grant),
      onDecided: (executionId) => {
        this.#earlyCancels.forget(executionId);
        this.#earlyPauses.delete(executionId);
        this.#earlyChildren.forget(executionId);
      },
      onUnknownWorker: () => this.#membership?.registerAgain(),
    });
  }

  /**
   * Starts the runners.
   * @returns the workflows they have
   * @throws FluxError `INVALID_WORKFLOWS`
   */
  async load(): Promise<readonly WorkflowDefinition[]> {
    const { bus, topology, workerId, name, concurrency, runners } = this.#options;
    const workflows = [...(await this.#runners.start())];
    for (const { workflowName, version } of workflows) this.#versions.set(workflowName, version);
    const self = { name, startedAt: Date.now(), concurrency, runners, workflows };
    this.#membership = new Membership({
      bus,
      topology,
      workerId,
      log: this.#log,
      clock: this.#clock,
      registration: async () => {
        await this.#givenUp.stopped();
        return { ...self, stopped: this.#givenUp.list(), unanswered: [...this.#claims.giveUp()] };
      },
      onRegistered: ({ stopped, unanswered }) => {
        this.#givenUp.told(stopped);
        this.#claims.told(unanswered);
        this.#link.registered();
      },
      heartbeat: () => ({
        state: this.#draining ? 'draining' : 'running',
        running: this.#owned(),
        claiming: this.#claims.underWay(),
        blocked: this.#blocked.list(),
      }),
      onReply: (reply) => this.#onHeartbeat(reply),
      onLease: (until) => this.#setOwnership({ leaseUntil: until }),
      onLeaseLost: () => this.#loseOwnership('no heartbeat got through for a whole lease'),
    });
    return workflows;
  }

  /** Resolves once the api knows this worker. Its control queue must be consumed before. */
  async join(): Promise<void> {
    this.#link.start();
    this.#blocked.start();
    await this.#membership?.start();
  }

  /** Has the flow of a run queue steered from now on. */
  addRunQueue(workflowName: string, subscription: Subscription): void {
    this.#intake.add(workflowName, subscription);
  }

  /** An execution waits for a worker. */
  run(message: MessageBody<'run'>, redelivered: boolean): Promise<Outcome> {
    return this.#intake.take(message, redelivered);
  }

  /** An execution waits for a worker, and time is short. */
  offer(message: MessageBody<'offer'>): Promise<void> {
    return this.#intake.offer(message);
  }

  /** Cancels what this worker runs, or is about to run; anything else is not its business. */
  cancel(notice: CancelNotice): void {
    const held = this.#held.find(notice.executionId, notice.attempt);
    if (held) this.#escalation.cancel(held, notice);
    else if (this.#intake.isClaiming(notice.executionId)) this.#earlyCancels.keep(notice);
    else this.#log.debug({ executionId: notice.executionId }, 'a cancel for what does not run here');
  }

  /** Has an attempt parked at its next call. */
  pause({ executionId, attempt }: MessageBody<'pause'>): void {
    const held = this.#held.find(executionId, attempt);
    if (held?.phase === 'running') held.runner?.send({ kind: 'pause', handle: held.handle });
    else if (!held && this.#intake.isClaiming(executionId)) this.#earlyPauses.set(executionId, attempt);
  }

  /** A child of what runs here, or is about to, has ended. */
  child(message: MessageBody<'child'>): void {
    const { executionId, attempt, entry } = message;
    const held = this.#held.find(executionId, attempt);
    if (held) {
      held.childrenHeard.add(entry.number);
      if (held.phase === 'running') held.runner?.send({ kind: 'child', handle: held.handle, entry });
    } else if (this.#intake.isClaiming(executionId)) this.#earlyChildren.keep(message);
  }

  /** Stops an attempt that owns its execution no more. */
  fence({ executionId, attempt }: MessageBody<'fence'>): void {
    const held = this.#held.find(executionId, attempt);
    if (!held || held.phase === 'ended') return;
    this.#log.warn({ executionId, attempt }, 'stopped: another attempt owns it');
    this.#escalation.stop(held);
  }

  /**
   * Takes nothing more, lets what runs go on for the drain time, gives the rest back and takes leave. Cancels
   * are obeyed until then. Resolves when every runner is dead; never rejects.
   */
  async close(): Promise<void> {
    this.#draining = true;
    this.#intake.close();
    this.#membership?.beatNow();
    await this.#intake.idle(this.#options.drainMs);
    await this.#runners.close();
    await within(FLUSH_LIMIT_MS, this.#checkpoints.flushed());
    this.#checkpoints.drop();
    await this.#membership?.leave(LEAVE_LIMIT_MS);
    this.#link.close();
    this.#blocked.close();
  }

  #start(grant: ClaimGrant): void {
    const { executionId, attempt, workflowName, input, history, next, cancel } = grant;
    for (const other of this.#held.attemptsOf(executionId)) {
      if (other.attempt === attempt) return this.#intake.release();
      this.#escalation.stop(other);
    }
    if (this.#cutOff) {
      this.#givenUp.addGrant({ executionId, attempt });
      return this.#intake.release();
    }
    const runner = this.#runners.pick(workflowName, grant.isolate);
    this.#handles += 1;
    const handle = this.#handles;
    const held: HeldExecution = {
      executionId,
      attempt,
      workflowName,
      runner,
      handle,
      childrenHeard: new ChildrenHeard(grant.childrenHeard ?? 0),
      seq: 0,
      phase: 'running',
      signalled: cancel !== null,
      expired: false,
      fenced: false,
    };
    this.#held.add(held);
    if (!runner) return this.#giveBack(held);
    runner.held.set(handle, held);
    const start = { executionId, attempt, input, history: this.#clock.toOurs(history), cancel };
    const waits = next !== undefined || !runner.isLoaded;
    runner.send({ kind: 'start', handle, workflowName, start, more: waits });
    if (waits) {
      void this.#histories.complete(held, runner, next).then((owned) => {
        if (!owned) this.fence(held);
      });
    }
    for (const message of this.#earlyChildren.of(executionId, attempt)) this.child(message);
    if (this.#earlyPauses.get(executionId) === attempt) this.pause({ executionId, attempt });
    const early = this.#earlyCancels.take(executionId, attempt);
    if (cancel) this.#escalation.arm(held, cancel.remainingMs);
    else if (early) this.#escalation.cancel(held, early);
  }

  #onMessage(runner: Runner, message: ExecutionMessage): void {
    const held = message.handle === null ? undefined : runner.held.get(message.handle);
    if (message.kind === 'log') {
      const { executionId, workflowName, attempt } = held ?? {};
      this.#log[message.level]({ ...message.fields, executionId, workflowName, attempt }, message.message);
      return;
    }
    if (!held) return;
    if (message.kind === 'progress') {
      const { callId, name, value } = message;
      const { executionId, attempt } = held;
      if (!held.fenced) this.#progress.publish({ executionId, attempt, callId, name, value, at: Date.now() });
      return;
    }
    const { event } = message;
    const last = event.type === 'finished' || event.type === 'parked';
    if (last && runner.kind !== 'shared') {
      held.lastEvent = event;
      this.#escalation.ended(held);
      void runner.kill();
      return;
    }
    if (last) this.#end(held);
    this.#report(held, event);
  }

  /** Nothing of the dead runner runs any more, so what it had can be told to have stopped. */
  #onDeath(runner: Runner, error: Error | undefined): void {
    const held = [...runner.held.values()];
    if (!runner.killed)
      this.#log.error({ err: error, executions: held.length, runner: runner.kind }, 'a runner died');
    const died = runner.killed ? undefined : held.length > 1 ? 'in_company' : 'alone';
    for (const each of held) {
      if (!each.lastEvent && !each.expired) this.#giveBack(each, died);
      else {
        this.#end(each);
        this.#report(each, each.lastEvent ?? killedEvent());
      }
    }
  }

  #giveBack(held: HeldExecution, died?: 'alone' | 'in_company'): void {
    this.#end(held);
    const at = Date.now();
    if (this.#draining) this.#report(held, { type: 'handed_back', reason: 'drain', at });
    else this.#report(held, { type: 'handed_back', reason: 'runner_lost', ...(died ? { died } : {}), at });
  }

  /** Its code is over. It stays held until its last event is safe, lest it be taken for lost. */
  #end(held: HeldExecution): void {
    held.phase = 'ended';
    held.runner?.held.delete(held.handle);
    this.#escalation.ended(held);
    this.#intake.release();
    if (!held.fenced) return;
    this.#held.remove(held);
    this.#givenUp.ended(held);
  }

  #report(held: HeldExecution, event: CheckpointEvent): void {
    if (event.type !== 'cancel_delivered') this.#escalation.announce(held);
    if (held.fenced) return;
    const last = LAST_EVENTS.has(event.type);
    this.#checkpoints.append(held, this.#clock.toApi(event), () => {
      if (last) this.#held.remove(held);
      else if (event.type !== 'cancel_delivered') {
        held.runner?.send({ kind: 'confirmed', handle: held.handle, count: 1 });
      }
    });
  }

  #owned(): MessageBody<'heartbeat'>['running'] {
    const owned = this.#held.all().filter((held) => !held.fenced);
    return owned.map(({ executionId, attempt, childrenHeard }) => {
      return { executionId, attempt, childrenHeard: childrenHeard.upTo };
    });
  }

  #onHeartbeat({ fenced, cancels }: HeartbeatReply): void {
    for (const each of fenced) this.fence(each);
    for (const each of cancels) this.cancel(each);
  }

  #createLink(): BrokerLink {
    const { bus, topology, workerId, embedded } = this.#options;
    const lostAfterMs = embedded ? Number.POSITIVE_INFINITY : LINK_LOST_AFTER_MS;
    return new BrokerLink({
      bus,
      control: topology.control(workerId),
      lostAfterMs,
      onProof: (provenAt) => this.#setOwnership({ linkUntil: provenAt + lostAfterMs }),
      onLost: () => this.#loseOwnership(`no word from the broker for ${lostAfterMs} ms`),
      onRegained: () => this.#regainOwnership(),
      onMissing: () => this.#membership?.registerAgain(),
    });
  }

  #setOwnership({ linkUntil = this.#linkUntil, leaseUntil = this.#leaseUntil }): void {
    this.#linkUntil = linkUntil;
    this.#leaseUntil = leaseUntil;
    if (!this.#cutOff) this.#ownership.set(Math.min(linkUntil, leaseUntil) - performance.now());
  }

  /** Others may soon own what runs here: it stops, all of it, before they can. */
  #loseOwnership(reason: string): void {
    if (this.#cutOff) return;
    this.#log.error(`${reason}: everything here is stopped`);
    this.#cutOff = true;
    this.#ownership.set(-1);
    this.#link.giveUp();
    this.#intake.close();
    this.#checkpoints.drop();
    for (const held of this.#held.all()) {
      if (!held.fenced) this.#givenUp.add(held);
      if (held.phase === 'ended') this.#held.remove(held);
      else this.#escalation.stop(held, OWNERSHIP_STOP_MS);
    }
    this.#membership?.registerAgain();
  }

  #regainOwnership(): void {
    this.#log.info('the api answers again');
    this.#cutOff = false;
    this.#setOwnership({});
    if (!this.#draining) this.#intake.open();
  }
}
