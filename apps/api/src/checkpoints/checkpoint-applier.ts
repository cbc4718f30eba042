import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoint, MessageBody, Topology } from '@flux/contracts';
import type { Bus, Outcome } from '@flux/messaging';
import type { Logger } from 'pino';
import { Batcher } from '../database/batcher.js';
import { isTransientError } from '../database/errors.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import type { Admissions } from '../executions/children/admissions.js';
import { ChildIdTakenError } from '../executions/children/write-family.js';
import type { ExecutionRow } from '../executions/execution-row.js';
import type { ExecutionWriter, Plan } from '../executions/execution-writer.js';
import { RowMemory } from '../executions/row-memory.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import { decideCheckpoint, type CheckpointVerdict } from './decide-checkpoint.js';

type Message = MessageBody<'checkpoints'>;
type Verdict = CheckpointVerdict['kind'];

interface Item {
  readonly workerId: string;
  readonly checkpoint: Checkpoint;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** How long a checkpoint that came before its predecessor waits. */
const GAP_RETRY_MS = 250;

/** Applies checkpoints in the order of their arrival, many per transaction. */
export class CheckpointApplier {
  readonly #writer: ExecutionWriter;
  readonly #store: ExecutionStore;
  readonly #admissions: Admissions;
  readonly #bus: Bus;
  readonly #topology: Topology;
  readonly #metrics: CoreMetrics;
  readonly #logger: Logger;
  readonly #batcher: Batcher<Message, Outcome>;
  readonly #memory = new RowMemory();
  readonly #stopping = new AbortController();

  constructor(
    store: ExecutionStore,
    writer: ExecutionWriter,
    admissions: Admissions,
    bus: Bus,
    topology: Topology,
    metrics: CoreMetrics,
    logger: Logger,
  ) {
    this.#store = store;
    this.#writer = writer;
    this.#admissions = admissions;
    this.#bus = bus;
    this.#topology = topology;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#batcher = new Batcher((messages) => this.#applyAll(messages), {
      maxBatch: 200,
      flights: 1,
      failsAll: isTransientError,
    });
  }

  /** Resolves once everything in the message is durable, or was found to be late or applied before. */
  async apply(message: Message): Promise<Outcome> {
    try {
      return await this.#batcher.run(message);
    } catch (error) {
      if (isTransientError(error)) return { kind: 'retry' };
      this.#logger.error({ err: error, workerId: message.workerId }, 'a checkpoint cannot be stored');
      return { kind: 'dead-letter', reason: `cannot be stored: ${(error as Error).message}` };
    }
  }

  /** Ends waiting for a database that is down; what was not applied goes back to the broker. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#batcher.idle();
  }

  async #applyAll(messages: readonly Message[]): Promise<Outcome[]> {
    const items = messages.flatMap(({ workerId, items }) =>
      items.map((checkpoint): Item => ({ workerId, checkpoint })),
    );
    const verdicts = await this.#persist(items);
    const withVerdict = (verdict: Verdict): Item[] => items.filter((_, index) => verdicts[index] === verdict);
    const [late, refused] = [withVerdict('late'), withVerdict('refused')];
    this.#metrics.lateWrites.inc(late.length);
    this.#metrics.refused('checkpoint', refused.length);
    this.#fence([...late, ...refused]);
    this.#metrics.duplicates.inc(withVerdict('duplicate').length);
    let next = 0;
    return messages.map((message) => {
      const end = next + message.items.length;
      const gaps = items.slice(next, end).filter((_, index) => verdicts[next + index] === 'gap');
      next = end;
      return this.#outcome(gaps);
    });
  }

  /** A database that is down is waited for: a checkpoint is never given up because of it. */
  async #persist(items: readonly Item[]): Promise<Verdict[]> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      try {
        return await this.#writer.apply(await this.#plan(items), items);
      } catch (error) {
        // Looked up again, that child is refused.
        if (error instanceof ChildIdTakenError) continue;
        if (!isTransientError(error) || this.#stopping.signal.aborted) throw error;
        this.#logger.warn({ err: error, pause }, 'checkpoints wait for the database');
        await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  async #plan(items: readonly Item[]): Promise<Plan<Item, ExecutionRow, Verdict>> {
    const admissionOf = await this.#admissions.lookUp(items.map(({ checkpoint }) => checkpoint));
    return {
      memory: this.#memory,
      executionId: (item) => item.checkpoint.executionId,
      read: (ids) => this.#store.readRows(ids),
      decide: (row, { workerId, checkpoint }, now) => {
        const verdict = decideCheckpoint(row, workerId, checkpoint, now, admissionOf);
        return { change: verdict.kind === 'applied' ? verdict.change : null, reply: verdict.kind };
      },
    };
  }

  /** Their senders run what is no longer theirs: they are told once more to stop. */
  #fence(late: readonly Item[]): void {
    for (const { workerId, checkpoint } of late) {
      const { executionId, attempt } = checkpoint;
      this.#logger.warn({ executionId, attempt, workerId }, 'a late checkpoint was refused');
      const fence = { executionId, attempt };
      // Lost or unroutable, it comes again with the next heartbeat.
      this.#bus
        .publish(this.#topology.control(workerId), 'fence', fence, { persistent: false })
        .catch(() => undefined);
    }
  }

  #outcome(gaps: readonly Item[]): Outcome {
    for (const { workerId, checkpoint } of gaps) {
      const { executionId, attempt, seq } = checkpoint;
      this.#logger.warn({ executionId, attempt, seq, workerId }, 'a checkpoint came before its predecessor');
    }
    return gaps.length > 0 ? { kind: 'retry', delayMs: GAP_RETRY_MS } : { kind: 'ack' };
  }
}
