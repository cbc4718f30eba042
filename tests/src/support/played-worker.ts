import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import {
  checkpointPartition,
  claimReply,
  heartbeatReply,
  INLINE_LIMIT_BYTES,
  PIECE_BYTES,
  type CheckpointEvent,
  type ClaimGrant,
  type ClaimResult,
  type MessageBody,
  type SentCheckpoint,
  type Topology,
  type WorkflowDefinition,
} from '@flux/contracts';
import {
  BusUnavailableError,
  type Bus,
  type Delivery,
  type Handler,
  type MemoryBroker,
  type MemoryBus,
} from '@flux/messaging';

/** A bus whose connection a test can cut, and whose checkpoints it can hold up. */
export class CuttableBus implements Bus {
  readonly #bus: MemoryBus;
  readonly #listeners = new Set<(state: Bus['state']) => void>();
  state: Bus['state'] = 'connected';
  /** Checkpoints, and what stands behind them, wait for it. */
  checkpointGate: Promise<void> = Promise.resolve();
  /** The executions that were asked back. */
  readonly askedBack: string[] = [];

  constructor(broker: MemoryBroker) {
    this.#bus = broker.connect();
  }

  set(state: Bus['state']): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  publish: Bus['publish'] = async (...args) => {
    if (this.state === 'disconnected') throw new BusUnavailableError('cut');
    const [, type, body] = args;
    if (type === 'take_back') {
      this.askedBack.push(...(body as MessageBody<'take_back'>).items.map(({ executionId }) => executionId));
    }
    return this.#bus.publish(...args);
  };
  request: Bus['request'] = (...args) => this.#bus.request(...args);
  subscribe: Bus['subscribe'] = (address, handler, options) => {
    const held: Handler = async (delivery) => {
      await this.checkpointGate;
      return handler(delivery);
    };
    return this.#bus.subscribe(address, address.kind === 'ordered' ? held : handler, options);
  };
  declare: Bus['declare'] = (...args) => this.#bus.declare(...args);
  onStateChange: Bus['onStateChange'] = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  onStillBlocked: Bus['onStillBlocked'] = (listener) => this.#bus.onStillBlocked(listener);
  close: Bus['close'] = () => this.#bus.close();
}

/** A worker as the api sees one. */
export class PlayedWorker {
  readonly id = `played-${randomUUID()}`;
  readonly heard: Delivery[] = [];
  /** What its heartbeats tell that it runs, unless they are told. */
  readonly holds: ClaimGrant[] = [];
  readonly #seqs = new Map<string, number>();
  readonly #bus: MemoryBus;
  readonly #topology: Topology;

  private constructor(
    broker: MemoryBroker,
    topology: Topology,
    private readonly workflows: Readonly<Record<string, WorkflowDefinition['inputSchema']>>,
  ) {
    this.#bus = broker.connect();
    this.#topology = topology;
  }

  /** Registers with these workflows, by name: their input schemas; with `plain` unless given. */
  static async start(
    broker: MemoryBroker,
    topology: Topology,
    workflows: Readonly<Record<string, WorkflowDefinition['inputSchema']>> = { plain: null },
  ): Promise<PlayedWorker> {
    const worker = new PlayedWorker(broker, topology, workflows);
    const listen = (delivery: Delivery): Promise<{ kind: 'ack' }> => {
      worker.heard.push(delivery);
      return Promise.resolve({ kind: 'ack' });
    };
    await worker.#bus.subscribe(topology.control(worker.id), listen, { prefetch: 16 });
    await worker.register();
    return worker;
  }

  /** Says that it is here, and resolves with the answer; `extra` tells what it has stopped. */
  register(extra: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return this.ask('register', {
      workerId: this.id,
      name: 'played',
      startedAt: Date.now(),
      concurrency: 10,
      runners: 1,
      workflows: Object.entries(this.workflows).map(([workflowName, inputSchema]) => ({
        workflowName,
        inputSchema,
        gracePeriodMs: null,
        timeoutMs: null,
        runner: 'shared',
      })),
      ...extra,
    });
  }

  ask(type: string, body: unknown): Promise<unknown> {
    const { requests, dataRequests } = this.#topology;
    const isLife = ['register', 'heartbeat', 'deregister'].includes(type);
    const queue = isLife ? requests : dataRequests;
    return this.#bus.request(queue, type, body, { timeoutMs: 30_000 });
  }

  async tryClaim(
    { executionId }: { executionId: string },
    claimId: string = randomUUID(),
  ): Promise<ClaimResult> {
    const reply = await this.ask('claim', { workerId: this.id, claims: [{ claimId, executionId }] });
    const [result] = claimReply.parse(reply).results;
    if (!result) throw new Error('no answer to the claim');
    return result;
  }

  async claim(execution: { executionId: string }, claimId?: string): Promise<ClaimGrant> {
    const result = await this.tryClaim(execution, claimId);
    if (!result.granted) throw new Error(`refused: ${result.reason}`);
    return result;
  }

  /** Sends the next checkpoint of the attempt, or the one numbered `seq`. */
  async checkpoint(
    grant: Pick<ClaimGrant, 'executionId' | 'attempt'>,
    events: CheckpointEvent[],
    seq?: number,
  ) {
    const { executionId, attempt } = grant;
    const next = seq ?? (this.#seqs.get(`${executionId}:${attempt}`) ?? 0) + 1;
    this.#seqs.set(`${executionId}:${attempt}`, next);
    const sent = await Promise.all(events.map((event) => this.#sent(event)));
    const items = [{ executionId, attempt, seq: next, events: sent }];
    await this.#bus.publish(this.#topology.checkpoints(checkpointPartition(executionId)), 'checkpoints', {
      workerId: this.id,
      items,
    });
  }

  /** The event, or what refers to its pieces where it is too large for a message. */
  async #sent(event: CheckpointEvent): Promise<SentCheckpoint['events'][number]> {
    const text = JSON.stringify(event);
    const bytes = Buffer.byteLength(text);
    if (bytes <= INLINE_LIMIT_BYTES) return event;
    const packed = gzipSync(text);
    const pieces = Math.ceil(packed.length / PIECE_BYTES);
    const valueId = randomUUID();
    for (let index = 0; index < pieces; index += 1) {
      const data = packed.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES).toString('base64');
      await this.ask('put_piece', { workerId: this.id, valueId, index, data });
    }
    return { type: 'stored', valueId, bytes, pieces };
  }

  /** @param asked whether an api has asked for it; a worker of an older version does not say */
  async heartbeat(running: readonly ClaimGrant[] = this.holds, asked?: boolean) {
    const owned = running.map(({ executionId, attempt }) => ({ executionId, attempt }));
    return heartbeatReply.parse(
      await this.ask('heartbeat', { workerId: this.id, state: 'running', running: owned, asked }),
    );
  }

  heardOf(type: string, executionId: string): unknown[] {
    return this.heard
      .filter((delivery) => delivery.type === type)
      .map((delivery) => delivery.body as { executionId: string })
      .filter((body) => body.executionId === executionId);
  }

  /** Dies: its connection and its control queue are gone. */
  kill(): void {
    this.#bus.kill();
  }
}

export const taskCompleted = (callId: string, output: unknown): CheckpointEvent => ({
  type: 'task_completed',
  callId,
  name: callId.split('#')[0] ?? '',
  output,
  tries: 1,
  startedAt: Date.now(),
  at: Date.now(),
  inCleanup: false,
});

export const finished = (
  outcome: 'completed' | 'failed' | 'cancelled',
  signalled: boolean,
): CheckpointEvent => ({
  type: 'finished',
  outcome,
  signalled,
  output: outcome === 'completed' ? 'done' : null,
  error: outcome === 'failed' ? { name: 'Error', message: 'broken' } : null,
  cleanup: signalled ? 'succeeded' : null,
  cleanupError: null,
  forced: false,
  at: Date.now(),
});

export const delivered = (): CheckpointEvent => ({ type: 'cancel_delivered', at: Date.now() });
