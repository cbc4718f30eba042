import {
  createScheduleBody,
  cursorText,
  emptyBody,
  firePage,
  fireResource,
  firesQuery,
  scheduleBody,
  scheduleId,
  schedulePage,
  scheduleResource,
  schedulesQuery,
} from '@flux/contracts';
import { z } from 'zod';
import { CURSOR_FAULT, json, numberCursor, type Routes } from './route.js';

export const SCHEDULE_ROUTES = {
  createSchedule: {
    at: 'POST /schedules',
    summary: 'Schedule executions of a workflow',
    description:
      'Exactly one of `cron` (five fields, in `timeZone`), `every` (a duration, counted from now) and `at` (one time). ' +
      'The same scheduleId and body again answers with the schedule that is there. Each execution carries the label ' +
      '`flux.schedule` with the schedule’s id.',
    headers: ['requestedBy'],
    body: createScheduleBody,
    answers: {
      200: json('It was made before.', scheduleResource, { location: 'The path of the schedule.' }),
      201: json('It is made.', scheduleResource, { location: 'The path of the schedule.' }),
    },
    problems: ['WORKFLOW_NOT_FOUND', 'INVALID_INPUT', 'INPUT_CHECK_TOO_SLOW', 'SCHEDULE_CONFLICT'],
  },
  listSchedules: {
    at: 'GET /schedules',
    summary: 'List schedules by id',
    query: schedulesQuery.extend({
      cursor: z
        .string()
        .refine((value) => scheduleId.safeParse(value).success, CURSOR_FAULT)
        .optional()
        .describe(cursorText),
    }),
    description:
      'Inputs come where `include` asks for them. A page ends at 1 MiB too, with at least one item.',
    answers: { 200: json('A page.', schedulePage) },
    problems: ['SERVER_BUSY'],
  },
  getSchedule: {
    at: 'GET /schedules/{scheduleId}',
    summary: 'Read a schedule, with its coming times and its last fire',
    answers: { 200: json('The schedule.', scheduleResource) },
  },
  replaceSchedule: {
    at: 'PUT /schedules/{scheduleId}',
    summary: 'Change a schedule',
    description:
      'The body says all that it is to do: what it leaves out becomes the default. Whether it is paused stays, and so do ' +
      'its planned times unless the timing changes.',
    headers: ['requestedBy'],
    body: scheduleBody,
    answers: { 200: json('It is changed.', scheduleResource) },
    problems: ['WORKFLOW_NOT_FOUND', 'INVALID_INPUT', 'INPUT_CHECK_TOO_SLOW'],
  },
  deleteSchedule: {
    at: 'DELETE /schedules/{scheduleId}',
    summary: 'Delete a schedule and its history',
    description: 'Executions that it started go on.',
    answers: { 200: json('It is gone; this is how it was.', scheduleResource) },
  },
  pauseSchedule: {
    at: 'POST /schedules/{scheduleId}/pause',
    summary: 'Pause a schedule',
    description: 'Nothing is fired until it is resumed; a fire that waits is given up. What runs goes on.',
    headers: ['requestedBy'],
    body: emptyBody,
    answers: { 200: json('It is paused.', scheduleResource) },
  },
  resumeSchedule: {
    at: 'POST /schedules/{scheduleId}/resume',
    summary: 'Resume a paused schedule',
    description: 'It goes on with the next planned time; what was due meanwhile is not made up for.',
    headers: ['requestedBy'],
    body: emptyBody,
    answers: { 200: json('It goes on.', scheduleResource) },
  },
  triggerSchedule: {
    at: 'POST /schedules/{scheduleId}/trigger',
    summary: 'Fire a schedule now',
    description: 'Paused or not, under its overlap policy: `outcome` says whether an execution was started.',
    headers: ['requestedBy'],
    body: emptyBody,
    answers: { 200: json('What became of it.', fireResource) },
  },
  getScheduleHistory: {
    at: 'GET /schedules/{scheduleId}/history',
    summary: "Read a schedule's fires, newest first",
    description: 'The last 1,000 are kept.',
    query: firesQuery.extend({ cursor: numberCursor(9) }),
    answers: { 200: json('A page.', firePage) },
  },
} satisfies Routes;
