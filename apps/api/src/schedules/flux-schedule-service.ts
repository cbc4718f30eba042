import { randomBytes } from 'node:crypto';
import type {
  CreateScheduleBody,
  FirePage,
  FireResource,
  ScheduleBody,
  SchedulePage,
  ScheduleResource,
} from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { Database } from '../database/database.js';
import type { Starter } from '../executions/start/starter.js';
import { FireDraft } from './fire-draft.js';
import { startCommand, type Firing } from './firing.js';
import { isSameSpec, scheduleNotFound, specOf, toFire, toSchedule } from './schedule-resource.js';
import type { ScheduleRow, ScheduleSpec } from './schedule-row.js';
import type { CreatedSchedule, FiresQuery, ScheduleFilter, ScheduleService } from './schedule-service.js';
import type { KnownSchedule, ScheduleStore } from './schedule-store.js';
import { firstTime, timesOf, timingFault } from './times.js';

/** Of a workflow's name in the id that is made of it. */
const LONGEST_NAME_PART = 110;

/** The {@link ScheduleService} on PostgreSQL. */
export class FluxScheduleService implements ScheduleService {
  readonly #database: Database;
  readonly #store: ScheduleStore;
  readonly #starter: Starter;
  readonly #firing: Firing;

  constructor(database: Database, store: ScheduleStore, starter: Starter, firing: Firing) {
    this.#database = database;
    this.#store = store;
    this.#starter = starter;
    this.#firing = firing;
  }

  async create(body: CreateScheduleBody, requestedBy: string): Promise<CreatedSchedule> {
    const { scheduleId, paused, ...rest } = body;
    const spec = specOf(rest);
    const id = scheduleId ?? newScheduleId(spec.workflowName);
    // Before the checks: the same request again is answered alike when its time has passed since.
    const existing = await this.#store.read(id);
    if (existing) return { schedule: toSchedule(sameOrThrow(existing, spec)), created: false };
    const now = this.#database.now();
    await this.#check(id, spec, now);
    const row: ScheduleRow = {
      id,
      spec,
      paused,
      createdAt: now,
      createdBy: requestedBy,
      updatedAt: now,
      updatedBy: requestedBy,
      anchorAt: now,
      nextFireAt: paused ? null : (firstTime(spec, now) ?? null),
      lastPlannedAt: null,
      fireSeq: 0,
      waiting: null,
      lastFire: null,
      lastExecutionId: null,
    };
    // Somebody may have been faster; then it is there, or gone again.
    return (await this.#store.insert(row))
      ? { schedule: toSchedule(row), created: true }
      : this.create({ ...body, scheduleId: id }, requestedBy);
  }

  async replace(scheduleId: string, body: ScheduleBody, requestedBy: string): Promise<ScheduleResource> {
    const spec = specOf(body);
    const before = await this.#known(scheduleId);
    const isRetimed = !isSameTiming(before.spec, spec);
    await this.#check(scheduleId, spec, this.#database.now(), isRetimed);
    return this.#change(scheduleId, requestedBy, (draft, now) => {
      if (isSameTiming(draft.row.spec, spec)) return { spec };
      const nextFireAt = draft.row.paused ? null : nextAfter(spec, now, draft.row, firstTime(spec, now));
      return { spec, anchorAt: now, nextFireAt };
    });
  }

  pause(scheduleId: string, requestedBy: string): Promise<ScheduleResource> {
    return this.#change(scheduleId, requestedBy, (draft) => {
      draft.dropWaiting('the schedule was paused while it waited');
      return { paused: true, nextFireAt: null };
    });
  }

  resume(scheduleId: string, requestedBy: string): Promise<ScheduleResource> {
    return this.#change(scheduleId, requestedBy, ({ row }, now) => {
      if (!row.paused) return {};
      const next = timesOf(row.spec, row.anchorAt)(now);
      return { paused: false, nextFireAt: nextAfter(row.spec, row.anchorAt, row, next) };
    });
  }

  async trigger(scheduleId: string, requestedBy: string): Promise<FireResource> {
    const fire = await this.#firing.fire(
      scheduleId,
      (tx) => this.#store.lock(tx, scheduleId),
      (draft) => draft.trigger(requestedBy),
    );
    if (!fire) throw scheduleNotFound(scheduleId);
    return toFire(fire);
  }

  remove(scheduleId: string): Promise<ScheduleResource> {
    return this.#database.transaction(async (tx) => {
      const row = await this.#store.lock(tx, scheduleId);
      if (!row) throw scheduleNotFound(scheduleId);
      await this.#store.delete(tx, scheduleId);
      return toSchedule(row);
    });
  }

  async get(scheduleId: string): Promise<ScheduleResource> {
    return toSchedule(await this.#known(scheduleId));
  }

  async list({ workflowName, limit, cursor }: ScheduleFilter): Promise<SchedulePage> {
    const found = await this.#store.list(workflowName, cursor, limit + 1);
    const items = found.slice(0, limit);
    return { items: items.map(toSchedule), nextCursor: nextCursor(found.length > limit, items.at(-1)?.id) };
  }

  async fires(scheduleId: string, { limit, beforeSeq }: FiresQuery): Promise<FirePage> {
    await this.#known(scheduleId);
    const found = await this.#store.fires(scheduleId, beforeSeq, limit + 1);
    const items = found.slice(0, limit);
    return { items: items.map(toFire), nextCursor: nextCursor(found.length > limit, items.at(-1)?.seq) };
  }

  async #known(scheduleId: string): Promise<KnownSchedule> {
    const row = await this.#store.read(scheduleId);
    if (!row) throw scheduleNotFound(scheduleId);
    return row;
  }

  /** Changes the schedule while it holds its row. */
  #change(
    scheduleId: string,
    updatedBy: string,
    change: (draft: FireDraft, now: number) => Partial<ScheduleRow>,
  ): Promise<ScheduleResource> {
    return this.#database.transaction(async (tx) => {
      const locked = await this.#store.lock(tx, scheduleId);
      if (!locked) throw scheduleNotFound(scheduleId);
      const { lastState, ...row } = locked;
      const now = this.#database.now();
      const draft = new FireDraft(row, { now, lastState, refusal: undefined, newExecutionId: nothingStarts });
      const changes = change(draft, now);
      const after = { ...draft.row, ...changes, updatedAt: now, updatedBy };
      await this.#store.write(tx, after, draft.fires, now);
      return toSchedule((await this.#store.read(scheduleId, tx)) ?? after);
    });
  }

  /** @throws FluxError for what no schedule may be: it names the field */
  async #check(id: string, spec: ScheduleSpec, now: number, timing = true): Promise<void> {
    const fault = timing ? timingFault(spec, now) : undefined;
    if (fault) {
      throw new FluxError('INVALID_REQUEST', `${fault.path}: ${fault.message}`, {
        details: { errors: [fault] },
      });
    }
    await this.#starter.admit(startCommand(id, spec));
  }
}

/** A planned time is never planned again, even where the clocks of replicas differ. */
function nextAfter(
  spec: ScheduleSpec,
  anchor: number,
  { lastPlannedAt }: ScheduleRow,
  next: number | undefined,
): number | null {
  if (next === undefined || lastPlannedAt === null || next > lastPlannedAt) return next ?? null;
  return timesOf(spec, anchor)(lastPlannedAt) ?? null;
}

function isSameTiming(one: ScheduleSpec, other: ScheduleSpec): boolean {
  const { cron, every, at, timeZone } = other;
  return isSameSpec(one, { ...one, cron, every, at, timeZone });
}

function sameOrThrow(existing: ScheduleRow, spec: ScheduleSpec): ScheduleRow {
  if (isSameSpec(existing.spec, spec)) return existing;
  throw new FluxError(
    'SCHEDULE_CONFLICT',
    `the schedule '${existing.id}' is there already, and does something else`,
    {
      details: { scheduleId: existing.id },
    },
  );
}

function newScheduleId(workflowName: string): string {
  return `${workflowName.slice(0, LONGEST_NAME_PART)}-${randomBytes(4).toString('hex')}`;
}

function nextCursor(hasMore: boolean, last: string | number | undefined): string | null {
  return hasMore && last !== undefined ? String(last) : null;
}

function nothingStarts(): never {
  throw new Error('a change of a schedule starts nothing');
}
