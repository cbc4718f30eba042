import { randomUUID } from 'node:crypto';
import {
  bulkCounts,
  type BulkCancelPage,
  type BulkCancelResource,
  type BulkCounts,
  type BulkFilter,
  type BulkItemPage,
  type BulkPreviewResource,
  type EventReceipt,
} from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { UndoWish } from '../../lifecycle/undo-cancel.js';
import type {
  BulkCommand,
  CancellationService,
  EventCommand,
} from '../../bulk-cancels/cancellation-service.js';

const counts = (changes: Partial<BulkCounts>): BulkCounts => {
  const none = Object.fromEntries(Object.keys(bulkCounts.shape).map((name) => [name, 0])) as BulkCounts;
  return { ...none, ...changes };
};

/** The answer to an event with this key. */
export const KNOWN_EVENT = {
  key: 'known',
  executions: 2,
  cancellationId: '01940000-0000-7000-8000-000000000001',
} as const;

/** A CancellationService in memory, whose jobs are about two executions and end at their second look. */
export class FakeCancellations implements CancellationService {
  readonly commands: BulkCommand[] = [];
  readonly previews: BulkFilter[] = [];
  readonly events: EventCommand[] = [];
  readonly #jobs = new Map<string, BulkCancelResource>();

  async create(command: BulkCommand): Promise<BulkCancelResource> {
    this.commands.push(command);
    const cancellationId = randomUUID();
    const job: BulkCancelResource = {
      ...command,
      cancellationId,
      state: 'running',
      event: null,
      gracePeriodMs: command.gracePeriodMs ?? null,
      ratePerSecond: command.ratePerSecond ?? null,
      createdAt: '2026-11-22T14:00:00.000Z',
      finishedAt: null,
      counts: counts({ total: 2, waiting: 2 }),
    };
    this.#jobs.set(cancellationId, job);
    return job;
  }

  async receive(command: EventCommand): Promise<EventReceipt> {
    this.events.push(command);
    const { name, key } = command;
    if (key === KNOWN_EVENT.key) return { name, ...KNOWN_EVENT };
    return { name, key, executions: 0, cancellationId: null };
  }

  async preview(filter: BulkFilter): Promise<BulkPreviewResource> {
    this.previews.push(filter);
    return { dryRun: true, total: 0, byState: {}, examples: [] };
  }

  async get(id: string): Promise<BulkCancelResource> {
    const job = this.#jobs.get(id);
    if (!job) throw new FluxError('CANCELLATION_NOT_FOUND', 'there is no such bulk cancel');
    return job;
  }

  async list(): Promise<BulkCancelPage> {
    return { items: [...this.#jobs.values()], nextCursor: null };
  }

  async executions(id: string): Promise<BulkItemPage> {
    await this.get(id);
    return { items: [], nextCursor: null };
  }

  readonly stops: (UndoWish | null)[] = [];

  async stop(id: string, undo: UndoWish | null): Promise<BulkCancelResource> {
    const job = { ...(await this.get(id)), state: 'stopped' as const };
    this.stops.push(undo);
    this.#jobs.set(id, job);
    return job;
  }

  async *follow(id: string): AsyncGenerator<BulkCancelResource> {
    const job = await this.get(id);
    yield job;
    yield {
      ...job,
      state: 'completed',
      finishedAt: '2026-11-22T14:00:01.000Z',
      counts: counts({ total: 2, cancelled: 2 }),
    };
  }
}
