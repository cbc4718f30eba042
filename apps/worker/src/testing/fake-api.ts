import {
  CHECKPOINT_PARTITIONS,
  createTopology,
  type CancelNotice,
  type CheckpointEvent,
  type ClaimResult,
  type HistoryEntry,
  type HistoryReply,
  type MessageBody,
} from '@flux/contracts';
import type { Delivery, MemoryBus, Outcome } from '@flux/messaging';

/** A checkpoint event as it arrived. */
export interface Recorded {
  readonly workerId: string;
  readonly executionId: string;
  readonly attempt: number;
  readonly seq: number;
  readonly event: CheckpointEvent;
  /** On the clock of `performance.now()`. */
  readonly receivedAt: number;
}

interface Planned {
  readonly workflowName: string;
  readonly input: unknown;
  readonly attempt: number;
  readonly history: HistoryEntry[];
  readonly cancel: CancelNotice | null;
  readonly isolate: boolean;
}

type Watcher = { readonly holds: () => boolean; readonly resolve: () => void };

const ACK: Outcome = { kind: 'ack' };

type Plan = Partial<Pick<Planned, 'attempt' | 'history' | 'cancel' | 'isolate'>> & {
  readonly executionId?: string;
};

/** Stands in for the api in a worker's tests: grants what it was told to run, and keeps every checkpoint. */
export class FakeApi {
  readonly records: Recorded[] = [];
  readonly registrations: Array<MessageBody<'register'>> = [];
  readonly heartbeats: Array<MessageBody<'heartbeat'> & { readonly at: number }> = [];
  readonly claims: Array<{ readonly claimId: string; readonly executionId: string }> = [];
  readonly departed: string[] = [];
  readonly #planned = new Map<string, Planned>();
  readonly #taken = new Set<string>();
  readonly #watchers = new Set<Watcher>();
  leaseMs = 15_000;
  heartbeatMs = 50;
  /** How far its clock is ahead of the worker's. */
  aheadMs = 0;
  /** What the next heartbeats answer. */
  fenced: Array<{ executionId: string; attempt: number }> = [];
  cancels: CancelNotice[] = [];
  known = true;
  /** Does not answer heartbeats while set. */
  mute = false;
  /** How many entries of a history a grant or a page has. */
  pageSize = Infinity;
  /** The requests for pages so far, by the event they begin after. */
  readonly pagesAsked: number[] = [];
  /** So many of the next requests for a page are not answered. */
  pagesLost = 0;
  /** Pages wait for it. */
  pageGate: Promise<void> = Promise.resolve();
  /** Claims wait for it. */
  claimGate: Promise<void> = Promise.resolve();

  private constructor(
    readonly bus: MemoryBus,
    readonly topology: ReturnType<typeof createTopology>,
  ) {}

  static async start(bus: MemoryBus, namespace: string): Promise<FakeApi> {
    const api = new FakeApi(bus, createTopology(namespace));
    const { requests } = api.topology;
    await bus.subscribe(requests, (delivery) => api.#answer(delivery), { prefetch: 1000 });
    for (let partition = 0; partition < CHECKPOINT_PARTITIONS; partition += 1) {
      const address = api.topology.checkpoints(partition);
      await bus.subscribe(address, (delivery) => api.#keep(delivery), { prefetch: 1 });
    }
    return api;
  }

  /** Makes an execution claimable and puts it into its run queue. */
  async run(workflowName: string, input: unknown = null, plan: Plan = {}): Promise<string> {
    const executionId = this.plan(workflowName, input, plan);
    await this.queue(executionId, workflowName);
    return executionId;
  }

  /** Makes an execution claimable. */
  plan(workflowName: string, input: unknown = null, plan: Plan = {}): string {
    const executionId = plan.executionId ?? crypto.randomUUID();
    const { attempt = 1, history = [], cancel = null, isolate = false } = plan;
    this.#planned.set(executionId, { workflowName, input, attempt, history, cancel, isolate });
    this.#taken.delete(executionId);
    return executionId;
  }

  /** Puts it into its run queue (again). */
  async queue(executionId: string, workflowName: string): Promise<void> {
    const address = this.topology.run(workflowName);
    await this.bus.declare(address);
    await this.bus.publish(address, 'run', { executionId, workflowName });
  }

  /** Asks the worker that came last to take it. */
  async offer(executionId: string, workflowName: string): Promise<void> {
    const control = this.topology.control(this.#latestWorker());
    await this.bus.publish(control, 'offer', { executionId, workflowName }, { mandatory: true });
  }

  async cancel(executionId: string, remainingMs: number, workerId?: string, attempt = 1): Promise<void> {
    const owner = workerId ?? this.#latestWorker();
    await this.bus.publish(
      this.topology.control(owner),
      'cancel',
      { ...notice(executionId, remainingMs), attempt },
      { mandatory: true },
    );
  }

  /** Says something to the worker's control queue. */
  async tell(type: 'pause' | 'fence', body: { executionId: string; attempt: number }): Promise<void> {
    const owner = this.registrations.at(-1)?.workerId ?? '';
    await this.bus.publish(this.topology.control(owner), type, body, { mandatory: true });
  }

  /** The execution is nobody's from now on. */
  forget(executionId: string): void {
    this.#planned.delete(executionId);
  }

  events(executionId: string): CheckpointEvent[] {
    return this.records.filter((each) => each.executionId === executionId).map(({ event }) => event);
  }

  /** The events' types, `finished` with its outcome. */
  story(executionId: string): string[] {
    return this.events(executionId).map((event) => {
      if (event.type === 'finished') return `finished:${event.outcome}`;
      return event.type === 'handed_back' ? `handed_back:${event.reason}` : event.type;
    });
  }

  /** The first event of this type, now or once it has come; rejects after 20 s. */
  async event<T extends CheckpointEvent['type']>(
    executionId: string,
    type: T,
  ): Promise<Extract<CheckpointEvent, { type: T }>> {
    const find = (): CheckpointEvent | undefined =>
      this.events(executionId).find((event) => event.type === type);
    await this.until(`${type} of ${executionId}`, () => find() !== undefined);
    return find() as Extract<CheckpointEvent, { type: T }>;
  }

  /** Resolves once `holds`, looked at after every message; rejects after 20 s. */
  async until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const watcher: Watcher = {
        holds,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(watcher);
        reject(new Error(`waited 20 s for ${what}`));
      }, 20_000);
      this.#watchers.add(watcher);
    });
  }

  async #keep({ body }: Delivery): Promise<Outcome> {
    const { workerId, items } = body as MessageBody<'checkpoints'>;
    for (const { executionId, attempt, seq, events } of items) {
      for (const event of events) {
        this.records.push({ workerId, executionId, attempt, seq, event, receivedAt: performance.now() });
      }
    }
    this.#tell();
    return ACK;
  }

  #latestWorker(): string {
    return this.registrations.at(-1)?.workerId ?? '';
  }

  async #answer({ type, body }: Delivery): Promise<Outcome> {
    if (type === 'heartbeat' && this.mute) return new Promise(() => undefined);
    if (type === 'claim') await this.claimGate;
    if (type === 'history' && this.#losesPage(body as MessageBody<'history'>))
      return new Promise(() => undefined);
    if (type === 'history') await this.pageGate;
    const reply = this.#reply(type, body);
    this.#tell();
    return { kind: 'ack', reply };
  }

  #reply(type: string, body: unknown): unknown {
    switch (type) {
      case 'register':
        this.registrations.push(body as MessageBody<'register'>);
        this.known = true;
        return { leaseMs: this.leaseMs, heartbeatMs: this.heartbeatMs, now: Date.now() + this.aheadMs };
      case 'heartbeat':
        this.heartbeats.push({ ...(body as MessageBody<'heartbeat'>), at: performance.now() });
        return {
          known: this.known,
          fenced: this.fenced,
          cancels: this.cancels,
          now: Date.now() + this.aheadMs,
        };
      case 'claim':
        return { results: (body as MessageBody<'claim'>).claims.map((claim) => this.#decide(claim)) };
      case 'history':
        return this.#page(body as MessageBody<'history'>);
      default:
        this.departed.push((body as MessageBody<'deregister'>).workerId);
        return {};
    }
  }

  #decide(claim: { claimId: string; executionId: string }): ClaimResult {
    this.claims.push(claim);
    const { executionId } = claim;
    const planned = this.#planned.get(executionId);
    if (!planned || this.#taken.has(executionId)) {
      return { executionId, granted: false, reason: planned ? 'ALREADY_CLAIMED' : 'EXECUTION_NOT_FOUND' };
    }
    this.#taken.add(executionId);
    const { entries: history, next } = this.#pageOf(planned.history, 0);
    return { executionId, granted: true, gracePeriodMs: 10_000, ...planned, history, ...next };
  }

  #losesPage({ after }: MessageBody<'history'>): boolean {
    this.pagesAsked.push(after);
    this.pagesLost -= 1;
    this.#tell();
    return this.pagesLost >= 0;
  }

  #page({ executionId, attempt, after }: MessageBody<'history'>): HistoryReply {
    const planned = this.#planned.get(executionId);
    if (planned?.attempt !== attempt) return { owned: false, entries: [] };
    const { entries, next } = this.#pageOf(planned.history, after);
    return { owned: true, entries, ...next };
  }

  #pageOf(history: HistoryEntry[], after: number): { entries: HistoryEntry[]; next: { next?: number } } {
    const end = after + this.pageSize;
    return { entries: history.slice(after, end), next: end < history.length ? { next: end } : {} };
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) {
      if (!watcher.holds()) continue;
      this.#watchers.delete(watcher);
      watcher.resolve();
    }
  }
}

/** A cancel of attempt 1 by a tester. */
export function notice(executionId: string, remainingMs: number): CancelNotice {
  return {
    executionId,
    attempt: 1,
    requestedAt: Date.now(),
    requestedBy: 'cli:ada',
    reason: 'wrong file',
    cause: 'request',
    remainingMs,
  };
}
