import {
  firePage,
  fireResource,
  scheduleId as idSchema,
  schedulePage,
  scheduleResource,
  type Schema,
} from '@flux/contracts';
import { assertCanExist } from './failures.js';
import type { ScheduleCalls } from './schedule-types.js';
import type { Transport } from './transport.js';
import type { CallOptions } from './types.js';

export function scheduleCalls(transport: Transport): ScheduleCalls {
  const act = <T>(schema: Schema<T>, id: string, what: string, { signal }: CallOptions): Promise<T> =>
    transport.value(schema, { method: 'POST', path: `${pathOf(id)}/${what}`, signal });
  return {
    async createSchedule(body, { signal } = {}) {
      const request = { method: 'POST', path: '/schedules', body, signal } as const;
      const { status, value: schedule } = await transport.answer(scheduleResource, request);
      return { schedule, created: status === 201 };
    },
    replaceSchedule: async (id, body, { signal } = {}) =>
      transport.value(scheduleResource, { method: 'PUT', path: pathOf(id), body, signal }),
    schedule: async (id, { signal } = {}) => transport.value(scheduleResource, { path: pathOf(id), signal }),
    schedules: ({ include, ...filter } = {}, { signal } = {}) =>
      transport.value(schedulePage, {
        path: '/schedules',
        query: { ...filter, include: include?.join() },
        signal,
      }),
    pauseSchedule: async (id, options = {}) => act(scheduleResource, id, 'pause', options),
    resumeSchedule: async (id, options = {}) => act(scheduleResource, id, 'resume', options),
    triggerSchedule: async (id, options = {}) => act(fireResource, id, 'trigger', options),
    deleteSchedule: async (id, { signal } = {}) =>
      transport.value(scheduleResource, { method: 'DELETE', path: pathOf(id), signal }),
    scheduleHistory: async (id, { signal, ...query } = {}) =>
      transport.value(firePage, { path: `${pathOf(id)}/history`, query, signal }),
  };
}

function pathOf(scheduleId: string): string {
  const missing = `there is no schedule '${scheduleId}': ids are not like that`;
  assertCanExist(idSchema.safeParse(scheduleId).success, 'SCHEDULE_NOT_FOUND', missing);
  return `/schedules/${scheduleId}`;
}
