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
import { EXECUTION_STATES, FluxError, isTerminal } from '@flux/domain';
import { v7 as uuid } from 'uuid';
import type { UndoWish } from '../executions/cancel/decide-undo.js';
import { clauseOf, conditionsOf, type Clause } from '../executions/read/conditions.js';
import { storedKey } from '../executions/start/cancel-keys.js';
import { toBulkResource, type BulkRow } from './bulk-row.js';
import type { BulkRunner } from './bulk-runner.js';
import type { BulkStore, NewBulk } from './bulk-store.js';
import type { BulkCommand, CancellationService, EventCommand } from './cancellation-service.js';
import { SNAPSHOT_PARAMETERS } from './sql/take-snapshot.js';

const OPEN_STATES = EXECUTION_STATES.filter((state) => !isTerminal(state));
const EXAMPLES = 10;
const KEYS = 'JOIN execution_cancel_keys k ON k.execution_id = e.id';
const LONGEST_KEY_TOLD = 100;
/** How often a stream looks at its job: all its progress is in one row. */
const LOOK_MS = 250;

/** The {@link CancellationService} on PostgreSQL. */
export class FluxCancellationService implements CancellationService {
  readonly #store: BulkStore;
  readonly #runner: BulkRunner;

  constructor(store: BulkStore, runner: BulkRunner) {
    this.#store = store;
    this.#runner = runner;
  }

  async create(command: BulkCommand): Promise<BulkCancelResource> {
    const bulk: NewBulk = {
      id: uuid(),
      filter: { ...command.filter },
      event: null,
      requestedBy: command.requestedBy,
      reason: command.reason,
      cause: 'bulk',
      force: command.force,
      gracePeriodMs: command.gracePeriodMs ?? null,
      ratePerSecond: command.ratePerSecond ?? null,
    };
    const job = await this.#store.create(bulk, clauseFor(command.filter, SNAPSHOT_PARAMETERS));
    this.#runner.wake();
    return toBulkResource(job);
  }

  async receive({ name, key, requestedBy, reason }: EventCommand): Promise<EventReceipt> {
    const bulk: NewBulk = {
      id: uuid(),
      filter: null,
      event: { name, key },
      requestedBy,
      reason: eventWords(name, key, reason),
      cause: 'bulk',
      force: false,
      gracePeriodMs: null,
      ratePerSecond: null,
    };
    const job = await this.#store.createUnlessEmpty(bulk, clauseForEvent(name, key), KEYS);
    if (job) this.#runner.wake();
    return { name, key, executions: job?.total ?? 0, cancellationId: job?.id ?? null };
  }

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

  async list({ limit, cursor }: BulkListQuery): Promise<BulkCancelPage> {
    const found = await this.#store.list(cursor, limit + 1);
    const items = found.slice(0, limit).map(toBulkResource);
    return { items, nextCursor: found.length > limit ? (items.at(-1)?.cancellationId ?? null) : null };
  }

  async executions(id: string, { limit, cursor = 0, outcome }: BulkItemsQuery): Promise<BulkItemPage> {
    const { state } = await this.#job(id);
    const rest = state === 'stopped' ? 'skipped' : 'waiting';
    // What is not reached any more is stored as waiting.
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

  async stop(id: string, undo: UndoWish | null): Promise<BulkCancelResource> {
    const job = await this.#store.stop(id, undo);
    if (!job) throw notFound(id);
    this.#runner.wake();
    return toBulkResource(job);
  }

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

/** The clause of what fits and has not ended. */
function clauseFor(filter: BulkFilter, taken: number): Clause {
  const { labels = {}, label = [], state = OPEN_STATES } = filter;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}:${value}`);
  const conditions = conditionsOf({ ...filter, state, label: [...pairs, ...label] });
  return clauseOf(conditions ?? [{ name: 'nothing', text: 'FALSE', values: [] }], taken);
}
