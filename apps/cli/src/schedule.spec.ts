import { describe, expect, it } from '@jest/globals';
import type { FireResource, ScheduleResource } from '@flux/client';
import { fireWords, plannedWords, scheduleLines, stateWords, timingWords } from './output/schedule-view.js';
import { json, problem, useFakeServer } from './testing/fake-server.js';
import { fluxAt, type Ran } from './testing/flux.js';
import { ID } from './testing/resources.js';

const server = useFakeServer();

const flux = (...args: string[]): Promise<Ran> => fluxAt(server)(['schedule', ...args]);

const fire: FireResource = {
  seq: 1,
  plannedAt: '2026-11-25T01:00:00.000Z',
  firedAt: '2026-11-25T01:00:00.120Z',
  triggeredBy: null,
  outcome: 'started',
  executionId: ID,
  reason: null,
  code: null,
  count: 1,
  lastPlannedAt: null,
};

const failed: FireResource = {
  ...fire,
  outcome: 'failed',
  executionId: null,
  code: 'INVALID_INPUT',
  reason: 'no',
};

const asked = {
  scheduleId: 'nightly',
  workflowName: 'report',
  input: { full: true },
  labels: { team: 'media' },
  timeout: '1h',
  cron: '0 2 * * *',
  timeZone: 'Europe/Berlin',
  overlap: 'queue',
  catchUp: '6h',
} as const;

const nightly: ScheduleResource = {
  ...asked,
  every: null,
  at: null,
  note: 'for \u001b[2J everybody',
  paused: false,
  waiting: true,
  createdAt: '2026-11-22T14:00:00.000Z',
  createdBy: 'cli:ada',
  updatedAt: '2026-11-22T14:00:00.000Z',
  updatedBy: 'cli:ada',
  nextFireTimes: ['2026-11-26T01:00:00.000Z', '2026-11-27T01:00:00.000Z'],
  lastFire: fire,
  lastExecutionId: ID,
};

const plain = (_: string, text: string): string => text;

describe('what is told of a schedule', () => {
  const NOW = Date.parse('2026-11-25T13:00:00Z');

  it('has its coming times on the clock of its zone', () => {
    const lines = scheduleLines(plain, nightly, NOW);
    expect(lines[0]).toBe('nightly active');
    expect(lines).toContain('  next        2026-11-26 02:00:00 Europe/Berlin, in 12 h 0 m');
    expect(lines).toContain('              2026-11-27 02:00:00 Europe/Berlin, in 1 d 12 h');
    expect(lines).toContain(`  last        2026-11-25 02:00:00 Europe/Berlin, 12 h 0 m ago: started ${ID}`);
    expect(lines).toContain('  overlap     queue, a fire waits');
    expect(lines.join('\n')).not.toContain('\u001b');
  });

  it('says when it fires, and whether it still does', () => {
    expect(timingWords(nightly)).toBe('0 2 * * * Europe/Berlin');
    expect(timingWords({ ...nightly, cron: null, timeZone: null, every: '15m' })).toBe('every 15m');
    const once = {
      ...nightly,
      cron: null,
      timeZone: null,
      at: '2026-12-01T09:00:00.000Z',
      nextFireTimes: [],
    };
    expect(timingWords(once)).toBe('at 2026-12-01 09:00:00 UTC');
    expect([stateWords(once), stateWords({ ...once, paused: true })]).toEqual(['over', 'paused']);
    expect(plannedWords('2026-11-25T12:59:00.000Z', null, NOW)).toBe('2026-11-25 12:59:00 UTC, 1 m 0 s ago');
  });

  it('says of a fire why it did not start', () => {
    expect(fireWords(failed)).toBe('failed: INVALID_INPUT, no');
    const missed = { ...fire, outcome: 'missed', executionId: null, count: 12, reason: 'late' } as const;
    expect(fireWords(missed)).toBe('missed 12 times: late');
  });
});

describe('flux schedule', () => {
  it('create sends what was asked for', async () => {
    server.on('POST /schedules', json(nightly, 201));
    const ran = await flux(
      ...['create', 'nightly', '{"full":true}', '--workflow', 'report', '--cron', '0 2 * * *'],
      ...['--time-zone', 'Europe/Berlin', '--overlap', 'queue', '--catch-up', '6h', '--label', 'team=media'],
      ...['--timeout', '1h', '--note', 'all', '--paused'],
    );
    expect(ran).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('nightly active') });
    expect(server.received[0]?.body).toEqual({ ...asked, note: 'all', paused: true });
  });

  it.each([
    ['no time', ['--workflow', 'report']],
    ['an interval that is none', ['--workflow', 'report', '--every', 'often']],
  ])('create with %s exits 1, and asks nothing of the server', async (_, flags) => {
    const ran = await flux('create', 'nightly', ...flags);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(server.received).toEqual([]);
  });

  it('create that contradicts what is there exits 1', async () => {
    server.on('POST /schedules', problem(409, 'SCHEDULE_CONFLICT'));
    const ran = await flux('create', 'nightly', '--workflow', 'report', '--every', '15m');
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('Code: SCHEDULE_CONFLICT') });
  });

  it('pause of an unknown one exits 4', async () => {
    server.on('POST /schedules/no/pause', problem(404, 'SCHEDULE_NOT_FOUND'));
    expect((await flux('pause', 'no')).code).toBe(4);
  });

  it('trigger says what became of it, and exits 1 when nothing could be started', async () => {
    server.on('POST /schedules/nightly/trigger', json(fire), json(failed));
    expect(await flux('trigger', 'nightly')).toMatchObject({ code: 0, stdout: `started ${ID}\n` });
    const ran = await flux('trigger', 'nightly');
    expect(ran).toMatchObject({ code: 1, stdout: 'failed: INVALID_INPUT, no\n' });
  });

  it('list and history are tables, with --json the pages as they are', async () => {
    const page = { items: [nightly], nextCursor: 'nightly' };
    server.on('GET /schedules', json(page));
    server.on('GET /schedules/nightly/history', json({ items: [fire], nextCursor: null }));
    const list = await flux('list', '--workflow', 'report', '--limit', '1');
    expect(list.stdout).toMatch(
      /^SCHEDULE +STATE +NEXT IN +FIRES .*\nnightly +active .* 0 2 \* \* \* Europe\/Berlin/,
    );
    expect(list.stdout).toContain('--cursor nightly');
    expect(server.received[0]?.query).toEqual({ workflowName: 'report', limit: '1' });
    expect((await flux('history', 'nightly')).stdout).toMatch(
      new RegExp(`2026-11-25 01:00:00 .*started .*${ID}`),
    );
    expect(JSON.parse((await flux('list', '--json')).stdout)).toEqual(page);
  });

  it('delete asks nobody where there is no terminal', async () => {
    server.on('DELETE /schedules/nightly', json(nightly));
    expect(await flux('delete', 'nightly')).toMatchObject({ code: 0, stdout: 'Deleted nightly.\n' });
  });
});
