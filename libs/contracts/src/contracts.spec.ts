import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES, FluxError } from '@flux/domain';
import fc from 'fast-check';
import { z } from 'zod';
import { MESSAGES, parseMessage, workflowDefinition } from './messages.js';
import { labelsFault } from './plain.js';
import { PROBLEMS } from './problems.js';
import { bulkCancelBody } from './cancellations.js';
import { eventBody } from './correlation.js';
import {
  cancelBody,
  cancelQuery,
  idempotencyKey,
  listQuery,
  pauseBody,
  startBody,
  startQuery,
  undoQuery,
} from './rest.js';
import { createScheduleBody } from './schedules.js';
import { byteSize, readSettings, sharedSettings } from './settings.js';
import { CHECKPOINT_PARTITIONS, checkpointPartition, createTopology } from './topology.js';
import { labels } from './values.js';

const ID = '01920000-0000-7000-8000-000000000001';

describe('a text that comes in', () => {
  const withText = (text: string) =>
    [
      [idempotencyKey, text],
      [cancelBody, { reason: text }],
      [undoQuery, { reason: text }],
      [pauseBody, { reason: text }],
      [bulkCancelBody, { filter: { all: true }, reason: text }],
      [eventBody, { name: 'cancelled', key: text, reason: text }],
      [createScheduleBody, { workflowName: 'crawl', every: '1h', note: text }],
    ] as const;

  it.each(['\0', 'half \ud83d', '\ude00 half'])(
    'is refused where it is %j, which no column of text has',
    (text) => {
      for (const [schema, value] of withText(text)) {
        expect(schema.safeParse(value).error?.issues.map(({ message }) => message)).toContain(
          'must be valid Unicode without NUL',
        );
      }
      for (const [schema, value] of withText('whole 😀')) expect(schema.safeParse(value).success).toBe(true);
    },
  );
});

describe('topology', () => {
  it('prefixes every name with the namespace, so that deployments share a broker', () => {
    const topology = createTopology('team-a');
    const names = [
      topology.run('crawl'),
      topology.begun('crawl', null),
      topology.begun('crawl', '2'),
      topology.checkpoints(0),
      topology.requests,
      topology.dataRequests,
      topology.control('w@1'),
      topology.updates,
      topology.deadLetters,
    ].map((address) => address.name);
    expect(names.every((name) => name.startsWith('team-a.'))).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });

  it('keeps an execution on one partition and spreads many over all', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const partition = checkpointPartition(id);
        expect(partition).toBe(checkpointPartition(id));
        expect(partition).toBeGreaterThanOrEqual(0);
        expect(partition).toBeLessThan(CHECKPOINT_PARTITIONS);
      }),
    );
    const sequential = Array.from(
      { length: 1000 },
      (_, n) => `${ID.slice(0, 32)}${n.toString().padStart(4, '0')}`,
    );
    const counts = new Map<number, number>();
    for (const id of sequential) {
      counts.set(checkpointPartition(id), (counts.get(checkpointPartition(id)) ?? 0) + 1);
    }
    expect(counts.size).toBe(CHECKPOINT_PARTITIONS);
    expect(Math.min(...counts.values())).toBeGreaterThan(1000 / CHECKPOINT_PARTITIONS / 2);
  });
});

describe('messages', () => {
  it('accept what their senders send', () => {
    expect(parseMessage('run', { executionId: ID, workflowName: 'crawl' })).toEqual({
      ok: true,
      value: { executionId: ID, workflowName: 'crawl' },
    });
  });

  it('name the faulty field and never its value', () => {
    const parsed = parseMessage('run', { executionId: 'secret-token', workflowName: 'crawl' });
    expect(parsed).toMatchObject({ ok: false, reason: expect.stringContaining('executionId') });
    expect(JSON.stringify(parsed)).not.toContain('secret-token');
  });

  it('of an unknown type are refused, inherited names included', () => {
    expect(parseMessage('nonsense', {})).toMatchObject({ ok: false });
    expect(parseMessage('constructor', {})).toMatchObject({ ok: false });
  });

  it.each(Object.keys(MESSAGES))('%s refuses any JSON value that does not fit, without throwing', (type) => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(typeof parseMessage(type, body).ok).toBe('boolean');
      }),
    );
  });
});

describe('REST requests', () => {
  it('read durations', () => {
    expect(cancelQuery.parse({ mode: 'sync', timeout: '30s' })).toEqual({ mode: 'sync', timeout: 30_000 });
    expect(cancelBody.parse({ gracePeriod: 'PT1M' })).toEqual({ gracePeriod: 60_000 });
  });

  it.each([
    ['an unknown mode', startQuery, { mode: 'later' }],
    ['an unknown field', cancelBody, { purpose: 'x' }],
    ['a sync timeout beyond the longest', cancelQuery, { mode: 'sync', timeout: '11m' }],
    ['an id that is no UUID', startBody, { executionId: 'order-42' }],
    ['a label key with a colon', startBody, { labels: { 'a:b': 'c' } }],
    ['an execution timeout of nothing', startBody, { timeout: '0s' }],
    ['a page of none', listQuery, { limit: '0' }],
  ])('refuse %s', (_name, schema: z.ZodType, value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });

  it('take one filter or several of a kind', () => {
    expect(listQuery.parse({ state: 'RUNNING', label: 'team:a:b' })).toMatchObject({
      state: ['RUNNING'],
      label: ['team:a:b'],
      limit: 50,
    });
    expect(listQuery.parse({ state: ['RUNNING', 'FAILED'] }).state).toEqual(['RUNNING', 'FAILED']);
  });
});

describe('problems', () => {
  it.each(ERROR_CODES)('%s has a status, a title and a hint', (code) => {
    expect(PROBLEMS[code].status).toBeGreaterThanOrEqual(400);
    expect(PROBLEMS[code].title).not.toBe('');
    expect(PROBLEMS[code].hint).toMatch(/[.]$/);
  });
});

describe('labels', () => {
  it.each([
    [{}],
    [{ team: 'media', 'a.b': '' }],
    [{ 'a:b': 'c' }],
    [{ 'a b': 'c' }],
    [{ '': 'c' }],
    [{ ['k'.repeat(64)]: 'c' }],
    [{ k: 'v'.repeat(255) }],
    [{ k: 'v'.repeat(256) }],
    [{ k: 1 }],
    [null],
    [[]],
    [Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`k${index}`, '']))],
  ])('%j are refused by the rule of runners, which have no schemas, as by the schema', (given) => {
    expect(labelsFault(given) === undefined).toBe(labels.safeParse(given).success);
  });
});

describe('a runner of kind thread', () => {
  it('of an older worker counts as a process', () => {
    const definition = { workflowName: 'w', inputSchema: null, gracePeriodMs: null, timeoutMs: null };
    expect(workflowDefinition.parse({ ...definition, runner: 'thread' }).runner).toBe('process');
  });
});

describe('settings', () => {
  const schema = z.object({ ...sharedSettings, FLUX_MAX_INPUT: byteSize.prefault('1 MiB') });

  it('have the documented defaults', () => {
    expect(readSettings(schema, { FLUX_AMQP_URL: 'amqp://localhost' })).toEqual({
      FLUX_AMQP_URL: 'amqp://localhost',
      FLUX_NAMESPACE: 'flux',
      FLUX_GRACE_PERIOD: 10_000,
      FLUX_LEASE: 15_000,
      FLUX_HEARTBEAT: 5000,
      FLUX_LOG_LEVEL: 'info',
      FLUX_MAX_INPUT: 1_048_576,
    });
  });

  it('name every fault at once, and no value', () => {
    const read = () =>
      readSettings(schema, {
        FLUX_LEASE: 'soon',
        FLUX_MAX_INPUT: 'huge',
        FLUX_LOG_LEVEL: '',
        FLUX_NAMESPACE: 'a b',
      });
    expect(read).toThrow(FluxError);
    expect(read).toThrow(/FLUX_AMQP_URL is not set[^]*FLUX_NAMESPACE[^]*FLUX_LEASE[^]*FLUX_MAX_INPUT/);
    expect(read).not.toThrow(/soon|huge/);
  });
});
