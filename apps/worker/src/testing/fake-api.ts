import { EventEmitter, once } from 'node:events';
import { gunzipSync } from 'node:zlib';
import {
  CHECKPOINT_PARTITIONS,
  HELD_BY_HAND,
  createTopology,
  type CancelNotice,
  type CheckpointEvent,
  type ClaimGrant,
  type ClaimResult,
  type FinishedEvent,
  type HistoryEntry,
  type HistoryReply,
  type MessageBody,
  type StoredText,
  type WorkerWish,
} from '@flux/contracts';
import type { Delivery, MemoryBus, Outcome } from '@flux/messaging';

/** A checkpoint event as it arrived. */
export interface Recorded {
  readonly workerId: string;
  readonly executionId: string;
  readonly attempt: number;
  readonly seq: number;
  readonly event: CheckpointEvent;
  /** Milliseconds on the clock of `performance.now()`. */
  readonly receivedAt: number;
}

type Planned = Pick<
  ClaimGrant,
  'workflowName' | 'input' | 'attempt' | 'history' | 'cancel' | 'isolate' | 'ownProcess'
>;
type Plan = Partial<
  Pick<ClaimGrant, 'executionId' | 'attempt' | 'history' | 'cancel' | 'isolate' | 'ownProcess'>
>;
type Claim = MessageBody<'claim'>['claims'][number];

/** Stands in for the api in a worker's tests: grants what it was told to run, and keeps every checkpoint. */
export class FakeApi {
  readonly records: Recorded[] = [];
  /** Why registrations are refused, once they are. */
  refused: string[] | undefined;
  /** False: as an api of a version before, which cannot read them. */
  takesTaskStarts = false;
  takesPrograms = false;
  readonly registrations: Array<MessageBody<'register'>> = [];
  readonly heartbeats: Array<MessageBody<'heartbeat'> & { readonly at: number }> = [];
  readonly claims: Claim[] = [];
  readonly departed: string[] = [];
  readonly #planned = new Map<string, Planned>();
  readonly #taken = new Set<string>();
  /** Tells of every message once it has had its effect here. */
  readonly #arrivals = new EventEmitter().setMaxListeners(0);
  leaseMs = 15_000;
  heartbeatMs = 50;
  /** The milliseconds by which the api's clock is ahead of the worker's. */
  aheadMs = 0;
  /** The answers to the next heartbeats. */
  fenced: Array<{ executionId: string; attempt: number }> = [];
  cancels: CancelNotice[] = [];
  known = true;
  /** What the worker is asked by hand, with every answer. */
  wish: WorkerWish | undefined;
  /** Whether claims are refused because of what the worker was asked by hand. */
  heldByHand = false;
  /** What a heartbeat is vouched for in place of the lease, milliseconds; as while the database is away. */
  vouchedMs: number | undefined;
  /** Whether heartbeats go unanswered. */
  mute = false;
  /** Whether inputs do not come with grants. */
  inputFollows = false;
  /** The number of entries of a history that a grant or a page has. */
  pageSize = Infinity;
  /** The requests for pages so far, by the event they begin after. */
  readonly pagesAsked: number[] = [];
  /** The number of next requests for a page that are not answered. */
  pagesLost = 0;
  /** The gate that pages wait for. */
  pageGate: Promise<void> = Promise.resolve();
  /** The gate that pieces of large values wait for. */
  pieceGate: Promise<void> = Promise.resolve();
  readonly #pieces = new Map<string, Buffer[]>();
  /** The gate that claims wait for. */
  claimGate: Promise<void> = Promise.resolve();

  private constructor(
    readonly bus: MemoryBus,
    readonly topology: ReturnType<typeof createTopology>,
  ) {}

  static async start(bus: MemoryBus, namespace: string): Promise<FakeApi> {
    const api = new FakeApi(bus, createTopology(namespace));
    const { requests, dataRequests } = api.topology;
    for (const address of [requests, dataRequests]) {
      await bus.subscribe(address, (delivery) => api.#answer(delivery), { prefetch: 1000 });
    }
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

  /** Runs an execution; resolves once its first event of this type has come. */
  async begin(
    workflowName: string,
    input: unknown = null,
    type: CheckpointEvent['type'] = 'task_completed',
  ): Promise<string> {
    const executionId = await this.run(workflowName, input);
    await this.event(executionId, type);
    return executionId;
  }

  /** Makes an execution claimable. */
  plan(workflowName: string, input: unknown = null, plan: Plan = {}): string {
    const executionId = plan.executionId ?? crypto.randomUUID();
    const { attempt = 1, history = [], cancel = null, isolate = false, ownProcess = false } = plan;
    this.#planned.set(executionId, { workflowName, input, attempt, history, cancel, isolate, ownProcess });
    this.#taken.delete(executionId);
    return executionId;
  }

  /** Puts the execution into its run queue (again). */
  async queue(executionId: string, workflowName: string): Promise<void> {
    const address = this.topology.run(workflowName);
    await this.bus.declare(address);
    await this.bus.publish(address, 'run', { executionId, workflowName });
  }

  /** Asks the worker that came last to take the execution. */
  offer(executionId: string, workflowName: string): Promise<void> {
    return this.tell('offer', { executionId, workflowName });
  }

  cancel(executionId: string, remainingMs: number, workerId?: string, attempt = 1): Promise<void> {
    return this.tell('cancel', { ...notice(executionId, remainingMs), attempt }, workerId);
  }

  /** Says something to the control queue of a worker, the one that came last unless given. */
  async tell<T extends 'cancel' | 'fence' | 'offer' | 'pause' | 'ping'>(
    type: T,
    body: MessageBody<T>,
    workerId = this.registrations.at(-1)?.workerId ?? '',
  ): Promise<void> {
    await this.bus.publish(this.topology.control(workerId), type, body, { mandatory: true });
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

  /** Whether the latest heartbeat names the execution. */
  isHeld(executionId: string): boolean {
    return this.heartbeats.at(-1)?.running.some((held) => held.executionId === executionId) ?? false;
  }

  /** The end of an execution, now or once it has come; rejects after 20 s. */
  finished(executionId: string): Promise<FinishedEvent> {
    return this.event(executionId, 'finished');
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
    const signal = AbortSignal.timeout(20_000);
    while (!holds()) {
      await once(this.#arrivals, 'message', { signal }).catch(() => {
        throw new Error(`waited 20 s for ${what}`);
      });
    }
  }

  async #keep({ body }: Delivery): Promise<Outcome> {
    const { workerId, items } = body as MessageBody<'checkpoints'>;
    for (const { executionId, attempt, seq, events } of items) {
      for (const sent of events) {
        const event = sent.type === 'stored' ? (this.#unpack(sent) as CheckpointEvent) : sent;
        this.records.push({ workerId, executionId, attempt, seq, event, receivedAt: performance.now() });
      }
    }
    this.#arrivals.emit('message');
    return { kind: 'ack' };
  }

  async #answer({ type, body }: Delivery): Promise<Outcome> {
    if (type === 'heartbeat' && this.mute) return new Promise(() => undefined);
    if (type === 'claim') await this.claimGate;
    if (type === 'put_piece') await this.pieceGate;
    if (type === 'history' && this.#losesPage(body as MessageBody<'history'>))
      return new Promise(() => undefined);
    if (type === 'history') await this.pageGate;
    const reply = this.#reply(type, body);
    this.#arrivals.emit('message');
    return { kind: 'ack', reply };
  }

  #unpack({ valueId, pieces }: StoredText): unknown {
    const packed = this.#pieces.get(valueId) ?? [];
    if (packed.length !== pieces) throw new Error('pieces are missing');
    return JSON.parse(gunzipSync(Buffer.concat(packed)).toString());
  }

  #reply(type: string, body: unknown): unknown {
    switch (type) {
      case 'put_piece': {
        const { valueId, index, data } = body as MessageBody<'put_piece'>;
        const packed = this.#pieces.get(valueId) ?? [];
        packed[index] = Buffer.from(data, 'base64');
        this.#pieces.set(valueId, packed);
        return {};
      }
      case 'stored': {
        const { type: inner, ...text } = body as MessageBody<'stored'>;
        return this.#reply(inner, this.#unpack(text));
      }
      case 'register':
        this.registrations.push(body as MessageBody<'register'>);
        this.known = true;
        return {
          leaseMs: this.leaseMs,
          heartbeatMs: this.heartbeatMs,
          now: Date.now() + this.aheadMs,
          wish: this.wish,
          ...(this.takesTaskStarts && { takesTaskStarts: true }),
          ...(this.takesPrograms && { takesPrograms: true }),
          ...(this.refused && { refused: this.refused }),
        };
      case 'heartbeat':
        this.heartbeats.push({ ...(body as MessageBody<'heartbeat'>), at: performance.now() });
        return {
          known: this.known,
          fenced: this.fenced,
          cancels: this.cancels,
          vouchedMs: this.vouchedMs,
          now: Date.now() + this.aheadMs,
          wish: this.wish,
        };
      case 'claim':
        return { results: (body as MessageBody<'claim'>).claims.map((claim) => this.#decide(claim)) };
      case 'history':
        return this.#page(body as MessageBody<'history'>);
      case 'input': {
        const { executionId, attempt } = body as MessageBody<'input'>;
        const planned = this.#planned.get(executionId);
        return { owned: planned?.attempt === attempt, input: planned?.input ?? null };
      }
      default:
        this.departed.push((body as MessageBody<'deregister'>).workerId);
        return {};
    }
  }

  #decide(claim: Claim): ClaimResult {
    this.claims.push(claim);
    const { executionId } = claim;
    if (this.heldByHand) return { executionId, granted: false, reason: HELD_BY_HAND };
    const planned = this.#planned.get(executionId);
    if (!planned || this.#taken.has(executionId)) {
      return { executionId, granted: false, reason: planned ? 'ALREADY_CLAIMED' : 'EXECUTION_NOT_FOUND' };
    }
    this.#taken.add(executionId);
    const { entries: history, next } = this.#pageOf(planned.history, 0);
    const input = this.inputFollows ? ({ input: null, inputFollows: true } as const) : {};
    return { executionId, granted: true, gracePeriodMs: 10_000, ...planned, history, ...next, ...input };
  }

  #losesPage({ after }: MessageBody<'history'>): boolean {
    this.pagesAsked.push(after);
    this.pagesLost -= 1;
    this.#arrivals.emit('message');
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
