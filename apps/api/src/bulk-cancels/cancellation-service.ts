import { setTimeout as sleep } from 'node:timers/promises';
import type {
  BulkCancelPage,
  BulkCancelResource,
  BulkFilter,
  BulkItemPage,
  BulkItemsQuery,
  BulkListQuery,
  BulkPreviewResource,
  EventReceipt,
} from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { v7 as uuid } from 'uuid';
import type { UndoWish } from '../lifecycle/undo-cancel.js';
import { clauseOf, conditionsOf, type Clause } from '../store/filter.js';
import { storedKey } from '../lifecycle/start.js';
import { clauseFor, OPEN_STATES } from './bulk-clause.js';
import { toBulkResource, type BulkRow } from './bulk-row.js';
import type { BulkRunner } from './bulk-runner.js';
import type { BulkStore, NewBulk } from './bulk-store.js';
import { SNAPSHOT_PARAMETERS } from './sql/take-snapshot.js';

const EXAMPLES = 10;
const KEYS = 'JOIN execution_cancel_keys k ON k.execution_id = e.id';
const LONGEST_KEY_TOLD = 100;
/** What a bulk cancel is unless its request says otherwise. */
const EMPTY = {
  filter: null,
  event: null,
  cause: 'bulk',
  force: false,
  gracePeriodMs: null,
  ratePerSecond: null,
} as const;
/** How often a stream looks at its job: all its progress is in one row. */
const LOOK_MS = 250;

/** A wish to cancel many executions; its shape has been checked. */
export interface BulkCommand {
  readonly filter: BulkFilter;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly force: boolean;
  /** Milliseconds; absent: each execution's own. */
  readonly gracePeriodMs: number | undefined;
  /** Absent: as fast as it goes. */
  readonly ratePerSecond: number | undefined;
}

/** An event as it was sent. */
export interface EventCommand {
  readonly name: string;
  readonly key: string;
  readonly requestedBy: string;
  readonly reason: string | null;
}

/**
 * What REST asks of bulk cancels, on PostgreSQL. Errors are FluxErrors: `CANCELLATION_NOT_FOUND`,
 * `DATABASE_UNAVAILABLE`. An id is a UUID in lower case.
 */
export class BulkCancels {
  readonly #store: BulkStore;
  readonly #runner: BulkRunner;

  constructor(store: BulkStore, runner: BulkRunner) {
    this.#store = store;
    this.#runner = runner;
  }

  /** Resolves once the snapshot and the job are durable; the executions are asked from then on. */
  async create(command: BulkCommand): Promise<BulkCancelResource> {
    const { gracePeriodMs = null, ratePerSecond = null } = command;
    const bulk: NewBulk = { ...EMPTY, ...command, gracePeriodMs, ratePerSecond, id: uuid() };
    const job = await this.#store.create(bulk, clauseFor(command.filter, SNAPSHOT_PARAMETERS));
    if (!job) throw new Error('a bulk cancel was not written');
    this.#runner.wake();
    return toBulkResource(job);
  }

  /**
   * Has the executions cancelled that wait for the event: those that were durable when the snapshot was taken and have
   * not ended. Writes nothing where there are none.
   */
  async receive({ name, key, requestedBy, reason }: EventCommand): Promise<EventReceipt> {
    const words = eventWords(name, key, reason);
    const bulk: NewBulk = { ...EMPTY, id: uuid(), event: { name, key }, requestedBy, reason: words };
    const job = await this.#store.create(bulk, clauseForEvent(name, key), KEYS);
    if (job) this.#runner.wake();
    return { name, key, executions: job?.total ?? 0, cancellationId: job?.id ?? null };
  }

  /** Tells what a bulk cancel by this filter would be about. Writes nothing. */
  async preview(filter: BulkFilter): Promise<BulkPreviewResource> {
    const { byState, examples } = await this.#store.preview(clauseFor(filter, 0), EXAMPLES);
    const counts = byState ?? {};
    return {
      dryRun: true,
      total: Object.values(counts).reduce((sum, count) => sum + count, 0),
      byState: counts,
      examples: (examples ?? []).map((example) => ({
        ...example,
        createdAt: new Date(example.createdAt).toISOString(),
      })),
    };
  }

  async get(id: string): Promise<BulkCancelResource> {
    return toBulkResource(await this.#job(id));
  }

  /** Newest first. */
  async list({ limit, cursor }: BulkListQuery): Promise<BulkCancelPage> {
    const found = await this.#store.list(cursor, limit + 1);
    const items = found.slice(0, limit).map(toBulkResource);
    return { items, nextCursor: found.length > limit ? (items.at(-1)?.cancellationId ?? null) : null };
  }

  /** The items in the order in which their executions are asked. */
  async executions(id: string, { limit, cursor = 0, outcome }: BulkItemsQuery): Promise<BulkItemPage> {
    const { state } = await this.#job(id);
    const rest = state === 'stopped' ? 'skipped' : 'waiting';
    // Items that are not reached any more are stored as waiting.
    const outcomes = outcome?.map((one) => (one === rest ? 'waiting' : one === 'waiting' ? 'none' : one));
    const found = await this.#store.items(id, cursor, outcomes, limit + 1);
    const items = found.slice(0, limit);
    return {
      items: items.map(({ position: _, ...item }) => ({
        ...item,
        outcome: item.outcome === 'waiting' ? rest : item.outcome,
      })),
      nextCursor: found.length > limit ? String(items.at(-1)?.position) : null,
    };
  }

  /**
   * Asks no further execution; a job that has ended is left as it is.
   * @param undo who has those taken back that have not been signalled; `null`: what was cancelled stays cancelled
   */
  async stop(id: string, undo: UndoWish | null): Promise<BulkCancelResource> {
    const job = await this.#store.stop(id, undo);
    if (!job) throw notFound(id);
    this.#runner.wake();
    return toBulkResource(job);
  }

  /**
   * The job now and after each change, live; ends once it has finished or when `signal` aborts. Sees what other replicas
   * do.
   */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<BulkCancelResource> {
    let told = '';
    while (!signal.aborted) {
      const job = toBulkResource(await this.#job(id));
      const text = JSON.stringify(job);
      if (text !== told) yield job;
      told = text;
      if (job.finishedAt !== null) return;
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #job(id: string): Promise<BulkRow> {
    const job = await this.#store.read(id);
    if (!job) throw notFound(id);
    return job;
  }
}

/** The {@link BulkCancels} as REST knows them, and tests play them. */
export type CancellationService = Pick<BulkCancels, keyof BulkCancels>;

function notFound(id: string): FluxError {
  return new FluxError('CANCELLATION_NOT_FOUND', `there is no bulk cancel '${id}'`);
}

/** Why the executions are cancelled, as their bodies, histories and children are told. */
function eventWords(name: string, key: string, reason: string | null): string {
  const letters = Array.from(key);
  const about = letters.length > LONGEST_KEY_TOLD ? `${letters.slice(0, LONGEST_KEY_TOLD).join('')}…` : key;
  return `event ${name} ${about}${reason === null ? '' : `: ${reason}`}`;
}

/** The clause of what waits for an event and has not ended, over the executions joined with their keys. */
function clauseForEvent(name: string, key: string): Clause {
  const event = { name: 'event', text: 'k.event = ? AND k.key = ?', values: [name, storedKey(key)] };
  const conditions = conditionsOf({ state: OPEN_STATES }) ?? [];
  return clauseOf([event, ...conditions], SNAPSHOT_PARAMETERS);
}
