import type { Checkpoint, MessageBody, SentCheckpoint } from '@flux/contracts';
import { backoff, sleep } from '@flux/domain';
import type { Outcome } from '@flux/messaging';
import { Batcher } from '../flow/batcher.js';
import { isTransientError } from '../database/errors.js';
import type { CheckpointVerdict } from '../lifecycle/checkpoint.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import { ChildIdTakenError } from '../store/ports.js';
import type { ChildAdmission } from './child-admission.js';
import type { RowChange } from './execution-writer.js';
import { LastWritten } from './last-written.js';
import type { VerbParts } from './parts.js';
import { storedEventsOf, type StoredTexts } from './stored-texts.js';

type Message = MessageBody<'checkpoints'>;
type SentEvent = SentCheckpoint['events'][number];
type Verdict = CheckpointVerdict['kind'];

interface CheckpointItem<Kind extends SentCheckpoint | Checkpoint = SentCheckpoint> {
  readonly workerId: string;
  readonly checkpoint: Kind;
}

/** The most bytes of texts that came in pieces which are taken into memory at once; one alone may have more. */
const MOST_STORED_BYTES = 2 * 1024 ** 2;

/** The events that nobody waits for: the body goes on once the broker has them. */
const PATIENT: ReadonlySet<SentEvent['type']> = new Set(['task_completed', 'value_recorded']);

const PAUSE = { firstMs: 50, longestMs: 2_000 };
/** How long a checkpoint that came before its predecessor waits. */
const GAP_RETRY_MS = 250;

type CheckpointApplierParts = Pick<
  VerbParts,
  'store' | 'writer' | 'bus' | 'topology' | 'metrics' | 'decisions' | 'logger'
> & { readonly childAdmission: ChildAdmission; readonly texts: StoredTexts };

/** Applies checkpoints in the order of their arrival, many per transaction. */
export class CheckpointApplier {
  readonly #parts: CheckpointApplierParts;
  readonly #batcher: Batcher<Message, Outcome>;
  readonly #memory = new LastWritten();
  readonly #stopping = new AbortController();

  constructor(parts: CheckpointApplierParts) {
    this.#parts = parts;
    this.#batcher = new Batcher((messages) => this.#applyAll(messages), {
      maxBatch: 200,
      flights: 1,
      failsAll: isTransientError,
    });
  }

  /** Resolves once everything in the message is durable, or was found to be late or applied before. */
  async apply(message: Message): Promise<Outcome> {
    try {
      return await this.#batcher.run(message, isPatient(message));
    } catch (error) {
      if (isTransientError(error)) return { kind: 'retry' };
      this.#parts.logger.error({ err: error, workerId: message.workerId }, 'a checkpoint cannot be stored');
      return { kind: 'dead-letter', reason: `cannot be stored: ${(error as Error).message}` };
    }
  }

  /** Resolves once all that came before is applied. */
  async settled(): Promise<void> {
    await this.apply({ workerId: '', items: [] });
  }

  /** Ends waiting for a database that is down; checkpoints that were not applied go back to the broker. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#batcher.idle();
  }

  async #applyAll(messages: readonly Message[]): Promise<Outcome[]> {
    const items = messages.flatMap(({ workerId, items }) =>
      items.map((checkpoint): CheckpointItem => ({ workerId, checkpoint })),
    );
    const verdicts = isWhole(items) ? await this.#persist(items) : await this.#persistGroups(items);
    const withVerdict = (verdict: Verdict): CheckpointItem[] =>
      items.filter((_, index) => verdicts[index] === verdict);
    const [late, refused] = [withVerdict('late'), withVerdict('refused')];
    this.#parts.metrics.lateWrites.inc(late.length);
    this.#parts.metrics.refused('checkpoint', refused.length);
    this.#fence([...late, ...refused]);
    this.#parts.metrics.duplicates.inc(withVerdict('duplicate').length);
    let next = 0;
    return messages.map((message) => {
      const end = next + message.items.length;
      const gaps = items.slice(next, end).filter((_, index) => verdicts[next + index] === 'gap');
      next = end;
      return this.#outcome(gaps);
    });
  }

  /** Persists checkpoints some of which came in pieces. Pieces that stay are forgotten in a day. */
  async #persistGroups(items: readonly CheckpointItem[]): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    for (const group of groupsOf(items)) {
      const own = await this.#persist(group);
      verdicts.push(...own);
      const done = group.flatMap(({ checkpoint }, index) =>
        own[index] === 'gap' ? [] : storedEventsOf(checkpoint),
      );
      await this.#parts.texts.delete(done).catch((error: unknown) => {
        this.#parts.logger.warn({ err: error }, 'pieces of values were not deleted');
      });
    }
    return verdicts;
  }

  /** A database that is down, or can do no work, is waited for: a checkpoint is never given up because of it. */
  async #persist(items: readonly CheckpointItem[]): Promise<Verdict[]> {
    for (let failures = 0; ; failures += 1) {
      try {
        const whole = isWhole(items) ? items : await this.#whole(items);
        return await this.#parts.writer.apply(await this.#plan(whole), whole);
      } catch (error) {
        // Looked up again, that child is refused.
        if (error instanceof ChildIdTakenError) continue;
        if (!isTransientError(error) || this.#stopping.signal.aborted) throw error;
        if (failures === 0) this.#parts.logger.warn({ err: error }, 'checkpoints wait for the database');
        await sleep(backoff(PAUSE, failures), this.#stopping.signal).catch(() => undefined);
      }
    }
  }

  async #whole(items: readonly CheckpointItem[]): Promise<Array<CheckpointItem<Checkpoint>>> {
    const checkpoints = items.map(({ checkpoint }) => checkpoint);
    const whole = await this.#parts.texts.whole(checkpoints, this.#parts.store.now());
    return whole.map((checkpoint, index) => ({ workerId: items[index]?.workerId ?? '', checkpoint }));
  }

  async #plan(
    items: ReadonlyArray<CheckpointItem<Checkpoint>>,
  ): Promise<RowChange<CheckpointItem<Checkpoint>, ExecutionRow, Verdict>> {
    const verdictOf = await this.#parts.childAdmission.lookUp(items.map(({ checkpoint }) => checkpoint));
    return {
      lastWritten: this.#memory,
      executionId: (item) => item.checkpoint.executionId,
      read: (ids) => this.#parts.store.readRows(ids),
      decide: (row, { workerId, checkpoint }, now) => {
        const verdict = this.#parts.decisions.decideCheckpoint(row, workerId, checkpoint, now, verdictOf);
        return { change: verdict.kind === 'applied' ? verdict.change : null, reply: verdict.kind };
      },
    };
  }

  /** Tells the senders of late checkpoints once more to stop: the executions are no longer theirs. */
  #fence(late: readonly CheckpointItem[]): void {
    for (const { workerId, checkpoint } of late) {
      const { executionId, attempt } = checkpoint;
      this.#parts.logger.warn({ executionId, attempt, workerId }, 'a late checkpoint was refused');
      const fence = { executionId, attempt };
      // A fence that is lost or unroutable comes again with the next heartbeat.
      this.#parts.bus
        .publish(this.#parts.topology.control(workerId), 'fence', fence, { persistent: false })
        .catch(() => undefined);
    }
  }

  #outcome(gaps: readonly CheckpointItem[]): Outcome {
    for (const { workerId, checkpoint } of gaps) {
      const { executionId, attempt, seq } = checkpoint;
      this.#parts.logger.warn(
        { executionId, attempt, seq, workerId },
        'a checkpoint came before its predecessor',
      );
    }
    return gaps.length > 0 ? { kind: 'retry', delayMs: GAP_RETRY_MS } : { kind: 'ack' };
  }
}

/** Whether the message has results alone: it goes with the next one, since a commit for each costs more than a task. */
function isPatient({ items }: Message): boolean {
  return items.length > 0 && items.every(({ events }) => events.every((event) => PATIENT.has(event.type)));
}

/** Whether everything that they say came with them, as most do. */
function isWhole(items: readonly CheckpointItem[]): items is ReadonlyArray<CheckpointItem<Checkpoint>> {
  return !items.some(({ checkpoint }) => checkpoint.events.some((event) => event.type === 'stored'));
}

/** The items in their order, in groups that the memory takes. */
function groupsOf(items: readonly CheckpointItem[]): CheckpointItem[][] {
  let group: CheckpointItem[] = [];
  const groups = [group];
  let sum = 0;
  for (const item of items) {
    const bytes = storedEventsOf(item.checkpoint).reduce((total, text) => total + text.bytes, 0);
    if (sum > 0 && sum + bytes > MOST_STORED_BYTES) {
      groups.push((group = []));
      sum = 0;
    }
    group.push(item);
    sum += bytes;
  }
  return groups;
}
