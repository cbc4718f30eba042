import {
  firePage,
  fireResource,
  PROBLEMS,
  scheduleId as scheduleIdSchema,
  schedulePage,
  scheduleResource,
} from '@flux/contracts';
import { FluxError } from './domain.js';
import type { ScheduleCalls } from './schedule-types.js';
import type { HttpRequest, Schema, Transport } from './transport.js';
import type { CallOptions } from './types.js';

export function scheduleCalls(transport: Transport): ScheduleCalls {
  const ask = async <T>(
    schema: Schema<T>,
    { signal }: CallOptions,
    request: Omit<HttpRequest, 'signal'>,
  ): Promise<T> => (await transport.json({ ...request, signal }, schema)).value;
  const act = <T>(schema: Schema<T>, id: string, what: string, options: CallOptions): Promise<T> =>
    ask(schema, options, { method: 'POST', path: `${schedulePath(id)}/${what}` });
  return {
    async createSchedule(request, { signal } = {}) {
      const call = { method: 'POST', path: '/schedules', body: request, signal } as const;
      const { status, value: schedule } = await transport.json(call, scheduleResource);
      return { schedule, created: status === 201 };
    },
    replaceSchedule: async (id, body, options = {}) =>
      ask(scheduleResource, options, { method: 'PUT', path: schedulePath(id), body }),
    schedule: async (id, options = {}) =>
      ask(scheduleResource, options, { method: 'GET', path: schedulePath(id) }),
    schedules: (filter = {}, options = {}) =>
      ask(schedulePage, options, { method: 'GET', path: '/schedules', query: { ...filter } }),
    pauseSchedule: async (id, options = {}) => act(scheduleResource, id, 'pause', options),
    resumeSchedule: async (id, options = {}) => act(scheduleResource, id, 'resume', options),
    triggerSchedule: async (id, options = {}) => act(fireResource, id, 'trigger', options),
    deleteSchedule: async (id, options = {}) =>
      ask(scheduleResource, options, { method: 'DELETE', path: schedulePath(id) }),
    scheduleHistory: async (id, { limit, cursor, ...options } = {}) =>
      ask(firePage, options, {
        method: 'GET',
        path: `${schedulePath(id)}/history`,
        query: { limit, cursor },
      }),
  };
}

/** An id that cannot exist is not sent: `..` would even be another route. */
function schedulePath(scheduleId: string): string {
  if (scheduleIdSchema.safeParse(scheduleId).success) return `/schedules/${scheduleId}`;
  throw new FluxError('SCHEDULE_NOT_FOUND', `there is no schedule '${scheduleId}': ids are not like that`, {
    hint: PROBLEMS.SCHEDULE_NOT_FOUND.hint,
  });
}
