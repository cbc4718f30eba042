import { firesQuery, schedulesQuery } from '@flux/contracts';
import { ACTOR } from './execution-routes.js';
import type { Route } from './route.js';

const CHANGE_PROBLEMS = [
  'SCHEDULE_NOT_FOUND',
  'INVALID_REQUEST',
  'MALFORMED_BODY',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
] as const;
const SPEC_PROBLEMS = [
  'WORKFLOW_NOT_FOUND',
  'INVALID_INPUT',
  'INVALID_REQUEST',
  'MALFORMED_BODY',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
] as const;

export const SCHEDULE_ROUTES: readonly Route[] = [
  {
    method: 'post',
    path: '/schedules',
    operationId: 'createSchedule',
    tag: 'Schedules',
    summary: 'Schedule executions of a workflow',
    description:
      'Exactly one of `cron` (five fields, in `timeZone`), `every` (a duration, counted from now) and `at` (one time). ' +
      'The same scheduleId and body again answers with the schedule that is there. Each execution carries the label ' +
      '`flux.schedule` with the schedule’s id.',
    headers: [ACTOR],
    body: 'CreateScheduleRequest',
    responses: {
      200: {
        description: 'It was made before.',
        schema: 'Schedule',
        headers: { Location: 'The path of the schedule.' },
      },
      201: {
        description: 'It is made.',
        schema: 'Schedule',
        headers: { Location: 'The path of the schedule.' },
      },
    },
    problems: [...SPEC_PROBLEMS, 'SCHEDULE_CONFLICT'],
  },
  {
    method: 'get',
    path: '/schedules',
    operationId: 'listSchedules',
    tag: 'Schedules',
    summary: 'List schedules by id',
    query: schedulesQuery,
    queryDescriptions: { cursor: 'The nextCursor of an earlier page.' },
    responses: { 200: { description: 'A page.', schema: 'SchedulePage' } },
    problems: ['INVALID_REQUEST'],
  },
  {
    method: 'get',
    path: '/schedules/{scheduleId}',
    operationId: 'getSchedule',
    tag: 'Schedules',
    summary: 'Read a schedule, with its coming times and its last fire',
    responses: { 200: { description: 'The schedule.', schema: 'Schedule' } },
    problems: ['SCHEDULE_NOT_FOUND'],
  },
  {
    method: 'put',
    path: '/schedules/{scheduleId}',
    operationId: 'replaceSchedule',
    tag: 'Schedules',
    summary: 'Change a schedule',
    description:
      'The body says all that it is to do: what it leaves out becomes the default. Whether it is paused stays, and so do ' +
      'its planned times unless the timing changes.',
    headers: [ACTOR],
    body: 'ScheduleRequest',
    responses: { 200: { description: 'It is changed.', schema: 'Schedule' } },
    problems: ['SCHEDULE_NOT_FOUND', ...SPEC_PROBLEMS],
  },
  {
    method: 'delete',
    path: '/schedules/{scheduleId}',
    operationId: 'deleteSchedule',
    tag: 'Schedules',
    summary: 'Delete a schedule and its history',
    description: 'Executions that it started go on.',
    responses: { 200: { description: 'It is gone; this is how it was.', schema: 'Schedule' } },
    problems: ['SCHEDULE_NOT_FOUND'],
  },
  {
    method: 'post',
    path: '/schedules/{scheduleId}/pause',
    operationId: 'pauseSchedule',
    tag: 'Schedules',
    summary: 'Pause a schedule',
    description: 'Nothing is fired until it is resumed; a fire that waits is given up. What runs goes on.',
    headers: [ACTOR],
    body: 'EmptyRequest',
    responses: { 200: { description: 'It is paused.', schema: 'Schedule' } },
    problems: CHANGE_PROBLEMS,
  },
  {
    method: 'post',
    path: '/schedules/{scheduleId}/resume',
    operationId: 'resumeSchedule',
    tag: 'Schedules',
    summary: 'Resume a paused schedule',
    description: 'It goes on with the next planned time; what was due meanwhile is not made up for.',
    headers: [ACTOR],
    body: 'EmptyRequest',
    responses: { 200: { description: 'It goes on.', schema: 'Schedule' } },
    problems: CHANGE_PROBLEMS,
  },
  {
    method: 'post',
    path: '/schedules/{scheduleId}/trigger',
    operationId: 'triggerSchedule',
    tag: 'Schedules',
    summary: 'Fire a schedule now',
    description: 'Paused or not, under its overlap policy: `outcome` says whether an execution was started.',
    headers: [ACTOR],
    body: 'EmptyRequest',
    responses: { 200: { description: 'What became of it.', schema: 'Fire' } },
    problems: CHANGE_PROBLEMS,
  },
  {
    method: 'get',
    path: '/schedules/{scheduleId}/history',
    operationId: 'getScheduleHistory',
    tag: 'Schedules',
    summary: "Read a schedule's fires, newest first",
    description: 'The last 1,000 are kept.',
    query: firesQuery,
    queryDescriptions: { cursor: 'The nextCursor of an earlier page.' },
    responses: { 200: { description: 'A page.', schema: 'FirePage' } },
    problems: ['SCHEDULE_NOT_FOUND', 'INVALID_REQUEST'],
  },
];
