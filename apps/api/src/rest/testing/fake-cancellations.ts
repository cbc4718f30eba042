import type {
  BulkCancelPage,
  BulkCancelResource,
  BulkFilter,
  BulkItemPage,
  BulkPreviewResource,
  EventReceipt,
} from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { UndoWish } from '../../executions/cancel/decide-undo.js';
import type {
  BulkCommand,
  CancellationService,
  EventCommand,
} from '../../cancellations/cancellation-service.js';

const NO_COUNTS = {
  total: 0,
  waiting: 0,
  requested: 0,
  cancelled: 0,
  completed: 0,
  failed: 0,
  alreadyFinished: 0,
  gone: 0,
  undone: 0,
  skipped: 0,
};

/** What an event with this key is answered. */
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
  private readonly jobs = new Map<string, BulkCancelResource>();

  async create(command: BulkCommand): Promise<BulkCancelResource> {
    this.commands.push(command);
    const cancellationId = `01940000-0000-7000-8000-${String(this.jobs.size + 1).padStart(12, '0')}`;
    const job: BulkCancelResource = {
      cancellationId,
      state: 'running',
      filter: { ...command.filter },
      event: null,
      requestedBy: command.requestedBy,
      reason: command.reason,
      force: command.force,
      gracePeriodMs: command.gracePeriodMs ?? null,
      ratePerSecond: command.ratePerSecond ?? null,
      createdAt: '2026-11-22T14:00:00.000Z',
      finishedAt: null,
      counts: { ...NO_COUNTS, total: 2, waiting: 2 },
    };
    this.jobs.set(cancellationId, job);
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
    const job = this.jobs.get(id);
    if (!job) throw new FluxError('CANCELLATION_NOT_FOUND', 'there is no such bulk cancel');
    return job;
  }

  async list(): Promise<BulkCancelPage> {
    return { items: [...this.jobs.values()], nextCursor: null };
  }

  async executions(id: string): Promise<BulkItemPage> {
    await this.get(id);
    return { items: [], nextCursor: null };
  }

  readonly stops: (UndoWish | null)[] = [];

  async stop(id: string, undo: UndoWish | null): Promise<BulkCancelResource> {
    const job = { ...(await this.get(id)), state: 'stopped' as const };
    this.stops.push(undo);
    this.jobs.set(id, job);
    return job;
  }

  async *follow(id: string): AsyncGenerator<BulkCancelResource> {
    const job = await this.get(id);
    yield job;
    yield {
      ...job,
      state: 'completed',
      finishedAt: '2026-11-22T14:00:01.000Z',
      counts: { ...NO_COUNTS, total: 2, cancelled: 2 },
    };
  }
}
