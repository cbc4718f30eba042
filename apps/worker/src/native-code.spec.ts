import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { timed } from '@flux/testing';
import { NATIVE_BODIES } from './testing/fixtures/native.js';
import { KINDS } from './testing/in-each-kind.js';
import { Harness, KILL_MS, KILLED } from './testing/worker-harness.js';

const GRACE_MS = 300;
/** 37 characters of a word: the check of one more takes twice as long. */
const SLOW_INPUT = 'a'.repeat(37);

let harness: Harness;
let api: Harness['api'];

beforeAll(async () => {
  harness = await Harness.start({ FLUX_WORKER_SPARE_RUNNERS: 1, FLUX_INPUT_CHECK_TIMEOUT: 400 });
  api = harness.api;
});

afterAll(() => harness.close());

describe.each(KINDS)('in a runner of kind %s', (kind) => {
  test.each(NATIVE_BODIES)(
    'a body in %s ends at its deadline (elsewhere: a native call, or a job in libuv’s pool, outlives its deadline, and its neighbours stand still)',
    async (what) => {
      const neighbour = await api.begin('nap', 60_000, 'timer_started');
      const id = await api.begin(`native_${kind}`, what);
      const { result, tookMs, heldUpMs } = await timed(async () => {
        await api.cancel(id, GRACE_MS);
        return api.finished(id);
      });
      expect(result).toMatchObject(KILLED);
      expect(tookMs - heldUpMs).toBeLessThan(GRACE_MS + KILL_MS);
      if (kind === 'shared') {
        const { reason, died } = await api.event(neighbour, 'handed_back');
        expect([reason, died]).toEqual(['runner_lost', undefined]);
      } else {
        expect(api.story(neighbour)).toEqual(['timer_started']);
        await api.cancel(neighbour, 0);
        await api.finished(neighbour);
      }
      expect((await api.finished(await api.run('quick', 1))).output).toBe(2);
    },
  );

  test('a crash in native code is told with its signal (elsewhere: a crash in native code takes the supervisor along)', async () => {
    const id = await api.run(`segfault_${kind}`);
    expect(await api.event(id, 'handed_back')).toMatchObject({
      reason: 'runner_lost',
      died: 'alone',
      cause: { code: 'SIGSEGV', message: `its process ended with SIGSEGV; in it: segfault_${kind}` },
    });
    await harness.until('the log', () =>
      harness.logs.some(({ msg, workflows }) => msg === 'a runner died' && String(workflows).includes(kind)),
    );
  });

  test('a schema that takes too long fails its execution, run once, and costs its neighbours an attempt at most', async () => {
    const neighbour = await api.begin('nap', 60_000, 'timer_started');
    const id = await api.run(`checked_${kind}`, SLOW_INPUT);
    expect(await api.finished(id)).toMatchObject({
      outcome: 'failed',
      error: {
        code: 'INPUT_CHECK_TOO_SLOW',
        message: 'the schema takes longer to check the input than 400 ms',
      },
    });
    expect(api.story(id)).toEqual(['finished:failed']);
    if (kind === 'shared') {
      const { reason, died } = await api.event(neighbour, 'handed_back');
      expect([reason, died]).toEqual(['runner_lost', undefined]);
    } else {
      await api.cancel(neighbour, 0);
      await api.finished(neighbour);
    }
  });
});

test('a crash in company is nobody’s in particular, and names all workflows that were in it', async () => {
  const neighbour = await api.begin('nap', 60_000, 'timer_started');
  const id = await api.run('segfault_shared');
  for (const each of [neighbour, id]) {
    const { died, cause } = await api.event(each, 'handed_back');
    expect([died, cause?.code]).toEqual(['in_company', 'SIGSEGV']);
    expect(cause?.message).toMatch(/in it: (nap, segfault_shared|segfault_shared, nap)$/);
  }
});

test('a runner that Flux killed leaves no complaint in the log', () => {
  const complaints = harness.logs.filter(
    ({ level, msg }) => Number(level) >= 50 && !/^a runner died/.test(String(msg)),
  );
  expect(complaints).toEqual([]);
});
