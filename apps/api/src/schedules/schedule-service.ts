import { randomBytes } from 'node:crypto';
import type {
  CreateScheduleBody,
  FirePage,
  FireResource,
  ScheduleBody,
  SchedulePage,
  ScheduleResource,
  schedulesQuery,
} from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { z } from 'zod';
import type { Database } from '../database/database.js';
import type { Starter } from '../executions/start.js';
import { PendingFires } from './pending-fires.js';
import { startCommand, type Firing } from './firing.js';
import { isSameSpec, scheduleNotFound, specOf, toFire, toSchedule } from './schedule-resource.js';
import type { ScheduleRow, ScheduleSpec } from './schedule-row.js';
import type { KnownSchedule, ScheduleStore } from './schedule-store.js';
import { firstTime, keptWhilePaused, timesOf, timingFault } from './times.js';

/** The most characters of a workflow's name in the id that is made of it. */
const LONGEST_NAME_PART = 110;

interface ScheduleParts {
  readonly database: Database;
  readonly store: ScheduleStore;
  readonly starter: Starter;
  readonly firing: Firing;
}

export interface CreatedSchedule {
  readonly schedule: ScheduleResource;
  /** False when the same request had made it before. */
  readonly created: boolean;
}

export type ScheduleFilter = z.infer<typeof schedulesQuery>;

export interface FiresQuery {
  readonly limit: number;
  /** Only fires with a lower number. */
  readonly beforeSeq: number | undefined;
}

/**
 * What REST asks of schedules, on PostgreSQL. Errors are FluxErrors: `SCHEDULE_NOT_FOUND`, `SCHEDULE_CONFLICT`,
 * `WORKFLOW_NOT_FOUND`, `INVALID_INPUT`, `INVALID_REQUEST`, `DATABASE_UNAVAILABLE`.
 */
export class StoredSchedules {
  readonly #parts: ScheduleParts;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  async create(body: CreateScheduleBody, requestedBy: string): Promise<CreatedSchedule> {
    const { scheduleId, paused, ...rest } = body;
    const spec = specOf(rest);
    const id = scheduleId ?? newScheduleId(spec.workflowName);
    // The schedule is read before the checks: the same request again is answered alike when its time has passed
    // since.
    const existing = await this.#parts.store.read(id);
    if (existing) return { schedule: toSchedule(sameOrThrow(existing, spec)), created: false };
    const now = this.#parts.database.now();
    await this.#check(id, spec, now);
    const first = firstTime(spec, now) ?? null;
    const row: ScheduleRow = {
      id,
      spec,
      paused,
      createdAt: now,
      createdBy: requestedBy,
      updatedAt: now,
      updatedBy: requestedBy,
      anchorAt: now,
      nextFireAt: paused ? keptWhilePaused(spec, first) : first,
      lastPlannedAt: null,
      fireSeq: 0,
      waiting: null,
      lastFire: null,
      lastExecutionId: null,
    };
    // Another request may have been faster; its schedule is there then, or gone again.
    return (await this.#parts.store.insert(row))
      ? { schedule: toSchedule(row), created: true }
      : this.create({ ...body, scheduleId: id }, requestedBy);
  }

  /** Replaces what it is to do; whether it is paused stays. */
  async replace(scheduleId: string, body: ScheduleBody, requestedBy: string): Promise<ScheduleResource> {
    const spec = specOf(body);
    const before = await this.#known(scheduleId);
    const isRetimed = !isSameTiming(before.spec, spec);
    await this.#check(scheduleId, spec, this.#parts.database.now(), isRetimed);
    return this.#change(scheduleId, requestedBy, (pending, now) => {
      pending.missPaused();
      if (isSameTiming(pending.row.spec, spec)) return { spec };
      const next = nextAfter(spec, now, pending.row, firstTime(spec, now));
      return { spec, anchorAt: now, nextFireAt: pending.row.paused ? keptWhilePaused(spec, next) : next };
    });
  }

  /** Nothing is planned any more, and a fire that waits is given up. What runs goes on. */
  pause(scheduleId: string, requestedBy: string): Promise<ScheduleResource> {
    return this.#change(scheduleId, requestedBy, (pending) => {
      pending.dropWaiting('the schedule was paused while it waited');
      const { spec, nextFireAt } = pending.row;
      return { paused: true, nextFireAt: keptWhilePaused(spec, nextFireAt) };
    });
  }

  /** The schedule goes on with the next planned time; those that passed meanwhile are not made up for. */
  resume(scheduleId: string, requestedBy: string): Promise<ScheduleResource> {
    return this.#change(scheduleId, requestedBy, (pending, now) => {
      pending.missPaused();
      const { row } = pending;
      if (!row.paused) return {};
      const next = timesOf(row.spec, row.anchorAt)(now);
      return { paused: false, nextFireAt: nextAfter(row.spec, row.anchorAt, row, next) };
    });
  }

  /** Fires it now, paused or not, under its overlap policy. */
  async trigger(scheduleId: string, requestedBy: string): Promise<FireResource> {
    const fire = await this.#parts.firing.fire(
      scheduleId,
      (tx) => this.#parts.store.lock(tx, scheduleId),
      (pending) => pending.trigger(requestedBy),
    );
    if (!fire) throw scheduleNotFound(scheduleId);
    return toFire(fire);
  }

  /** Removes a schedule with its history; resolves with the schedule as it was. Executions that run go on. */
  remove(scheduleId: string): Promise<ScheduleResource> {
    return this.#parts.database.transaction(async (tx) => {
      const row = await this.#parts.store.lock(tx, scheduleId);
      if (!row) throw scheduleNotFound(scheduleId);
      await this.#parts.store.delete(tx, scheduleId);
      return toSchedule(row);
    });
  }

  async get(scheduleId: string): Promise<ScheduleResource> {
    return toSchedule(await this.#known(scheduleId));
  }

  /** A page of schedules, by id. */
  async list({ workflowName, include, limit, cursor }: ScheduleFilter): Promise<SchedulePage> {
    const { items, more } = await this.#parts.store.list(workflowName, cursor, limit);
    const shown = items.map((row) => {
      const { input, ...rest } = toSchedule(row);
      return include?.includes('input') ? { ...rest, input } : rest;
    });
    return { items: shown, nextCursor: nextCursor(more, items.at(-1)?.id) };
  }

  /** Newest first. */
  async fires(scheduleId: string, { limit, beforeSeq }: FiresQuery): Promise<FirePage> {
    await this.#known(scheduleId);
    const found = await this.#parts.store.fires(scheduleId, beforeSeq, limit + 1);
    const items = found.slice(0, limit);
    return { items: items.map(toFire), nextCursor: nextCursor(found.length > limit, items.at(-1)?.seq) };
  }

  async #known(scheduleId: string): Promise<KnownSchedule> {
    const row = await this.#parts.store.read(scheduleId);
    if (!row) throw scheduleNotFound(scheduleId);
    return row;
  }

  /** Changes the schedule while it holds its row. */
  async #change(
    scheduleId: string,
    updatedBy: string,
    change: (pending: PendingFires, now: number) => Partial<ScheduleRow>,
  ): Promise<ScheduleResource> {
    const { pending, schedule } = await this.#parts.database.transaction(async (tx) => {
      const locked = await this.#parts.store.lock(tx, scheduleId);
      if (!locked) throw scheduleNotFound(scheduleId);
      const { lastState, ...row } = locked;
      const now = this.#parts.database.now();
      const pending = new PendingFires(row, {
        now,
        lastState,
        refusal: undefined,
        newExecutionId: nothingStarts,
      });
      const changes = change(pending, now);
      const after = { ...pending.row, ...changes, updatedAt: now, updatedBy };
      await this.#parts.store.write(tx, after, pending.fires, now);
      return { pending, schedule: toSchedule((await this.#parts.store.read(scheduleId, tx)) ?? after) };
    });
    this.#parts.firing.tellMissed(pending);
    return schedule;
  }

  /** @throws FluxError for what no schedule may be: it names the field */
  async #check(id: string, spec: ScheduleSpec, now: number, timing = true): Promise<void> {
    const fault = timing ? timingFault(spec, now) : undefined;
    if (fault) {
      throw new FluxError('INVALID_REQUEST', `${fault.path}: ${fault.message}`, {
        details: { errors: [fault] },
      });
    }
    await this.#parts.starter.admit(startCommand(id, spec));
  }
}

/** The {@link StoredSchedules} as REST knows them, and tests play them. */
export type ScheduleService = Pick<StoredSchedules, keyof StoredSchedules>;

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
