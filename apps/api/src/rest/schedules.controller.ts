import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import {
  ACTOR_HEADER,
  createScheduleBody,
  emptyBody,
  firesQuery,
  scheduleBody,
  scheduleId as scheduleIdSchema,
  schedulesQuery,
  type CreateScheduleBody,
  type FirePage,
  type FireResource,
  type ScheduleBody,
  type SchedulePage,
  type ScheduleResource,
} from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { SCHEDULE_SERVICE, type ScheduleService } from '../schedules/schedule-service.js';
import { actorPipe, bodyPipe, Header, queryPipe, scheduleIdPipe } from './validation.js';

const CURSOR = 'must be the nextCursor of an earlier page';
const listQuery = schedulesQuery.extend({
  cursor: z
    .string()
    .refine((value) => scheduleIdSchema.safeParse(value).success, CURSOR)
    .optional(),
});
const historyQuery = firesQuery.extend({
  cursor: z
    .string()
    .regex(/^\d{1,9}$/, CURSOR)
    .transform(Number)
    .optional(),
});

@Controller()
export class SchedulesController {
  constructor(@Inject(SCHEDULE_SERVICE) private readonly schedules: ScheduleService) {}

  @Post('schedules')
  async create(
    @Body(bodyPipe(createScheduleBody)) body: CreateScheduleBody,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { schedule, created } = await this.schedules.create(body, requestedBy);
    const location = `/schedules/${schedule.scheduleId}`;
    void reply
      .code(created ? 201 : 200)
      .header('location', location)
      .send(schedule);
  }

  @Get('schedules')
  async list(@Query(queryPipe(listQuery)) query: z.output<typeof listQuery>): Promise<SchedulePage> {
    const { workflowName, limit, cursor } = query;
    return this.schedules.list({ workflowName, limit, cursor });
  }

  @Get('schedules/:scheduleId')
  async get(@Param('scheduleId', scheduleIdPipe) scheduleId: string): Promise<ScheduleResource> {
    return this.schedules.get(scheduleId);
  }

  @Put('schedules/:scheduleId')
  async replace(
    @Param('scheduleId', scheduleIdPipe) scheduleId: string,
    @Body(bodyPipe(scheduleBody)) body: ScheduleBody,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
  ): Promise<ScheduleResource> {
    return this.schedules.replace(scheduleId, body, requestedBy);
  }

  @Delete('schedules/:scheduleId')
  async remove(@Param('scheduleId', scheduleIdPipe) scheduleId: string): Promise<ScheduleResource> {
    return this.schedules.remove(scheduleId);
  }

  @Post('schedules/:scheduleId/pause')
  @HttpCode(200)
  async pause(
    @Param('scheduleId', scheduleIdPipe) scheduleId: string,
    @Body(bodyPipe(emptyBody)) _body: object,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
  ): Promise<ScheduleResource> {
    return this.schedules.pause(scheduleId, requestedBy);
  }

  @Post('schedules/:scheduleId/resume')
  @HttpCode(200)
  async resume(
    @Param('scheduleId', scheduleIdPipe) scheduleId: string,
    @Body(bodyPipe(emptyBody)) _body: object,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
  ): Promise<ScheduleResource> {
    return this.schedules.resume(scheduleId, requestedBy);
  }

  @Post('schedules/:scheduleId/trigger')
  @HttpCode(200)
  async trigger(
    @Param('scheduleId', scheduleIdPipe) scheduleId: string,
    @Body(bodyPipe(emptyBody)) _body: object,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
  ): Promise<FireResource> {
    return this.schedules.trigger(scheduleId, requestedBy);
  }

  @Get('schedules/:scheduleId/history')
  async history(
    @Param('scheduleId', scheduleIdPipe) scheduleId: string,
    @Query(queryPipe(historyQuery)) { limit, cursor }: z.output<typeof historyQuery>,
  ): Promise<FirePage> {
    return this.schedules.fires(scheduleId, { limit, beforeSeq: cursor });
  }
}
