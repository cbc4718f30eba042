import { Controller, Inject, Res } from '@nestjs/common';
import {
  PAGE_BYTES,
  type FirePage,
  type FireResource,
  type SchedulePage,
  type ScheduleResource,
} from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import { CORE, type Core } from '../../bus/ports.js';
import type { ScheduleService } from '../../schedules/schedule-service.js';
import { JsonAnswers } from '../json-answers.js';
import { Checked, Operation, type Asked } from '../validation.js';

@Controller()
export class SchedulesController {
  readonly #schedules: ScheduleService;
  readonly #answers: JsonAnswers;

  constructor(@Inject(CORE) core: Core, @Inject(JsonAnswers) answers: JsonAnswers) {
    this.#schedules = core.schedules;
    this.#answers = answers;
  }

  @Operation('createSchedule')
  async create(
    @Checked() { body, requestedBy }: Asked<'createSchedule'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleResource> {
    const { schedule, created } = await this.#schedules.create(body, requestedBy);
    reply.code(created ? 201 : 200).header('location', `/schedules/${schedule.scheduleId}`);
    return schedule;
  }

  @Operation('listSchedules')
  async list(
    @Checked() { query }: Asked<'listSchedules'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SchedulePage> {
    return this.#answers.within(reply, PAGE_BYTES, () => this.#schedules.list(query));
  }

  @Operation('getSchedule')
  async get(@Checked() { scheduleId }: Asked<'getSchedule'>): Promise<ScheduleResource> {
    return this.#schedules.get(scheduleId);
  }

  @Operation('replaceSchedule')
  async replace(@Checked() request: Asked<'replaceSchedule'>): Promise<ScheduleResource> {
    return this.#schedules.replace(request.scheduleId, request.body, request.requestedBy);
  }

  @Operation('deleteSchedule')
  async remove(@Checked() { scheduleId }: Asked<'deleteSchedule'>): Promise<ScheduleResource> {
    return this.#schedules.remove(scheduleId);
  }

  @Operation('pauseSchedule')
  async pause(@Checked() { scheduleId, requestedBy }: Asked<'pauseSchedule'>): Promise<ScheduleResource> {
    return this.#schedules.pause(scheduleId, requestedBy);
  }

  @Operation('resumeSchedule')
  async resume(@Checked() { scheduleId, requestedBy }: Asked<'resumeSchedule'>): Promise<ScheduleResource> {
    return this.#schedules.resume(scheduleId, requestedBy);
  }

  @Operation('triggerSchedule')
  async trigger(@Checked() { scheduleId, requestedBy }: Asked<'triggerSchedule'>): Promise<FireResource> {
    return this.#schedules.trigger(scheduleId, requestedBy);
  }

  @Operation('getScheduleHistory')
  async history(@Checked() { scheduleId, query }: Asked<'getScheduleHistory'>): Promise<FirePage> {
    return this.#schedules.fires(scheduleId, { limit: query.limit, beforeSeq: query.cursor });
  }
}
