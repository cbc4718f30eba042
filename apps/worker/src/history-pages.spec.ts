import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deferred, done } from './testing/trial.js';
import { Harness } from './testing/worker-harness.js';

const COUNT = 50;
const history = Array.from({ length: COUNT }, (_, index) => done(`double#${index}`, 2 * index));

let harness: Harness;
let gate: ReturnType<typeof deferred<void>>;

beforeEach(async () => {
  harness = await Harness.start();
  harness.api.pageSize = 20;
  gate = deferred();
});

afterEach(() => {
  gate.resolve();
  return harness.close();
});

/** Runs a second attempt whose pages do not come before the gate is open; resolves once the first is asked for. */
async function runHeld(): Promise<string> {
  harness.api.pageGate = gate.promise;
  const executionId = await harness.api.run('doubles', COUNT + 1, { attempt: 2, history });
  await harness.api.until('the first page', () => harness.api.pagesAsked.length === 1);
  return executionId;
}

describe('a history that comes in pages', () => {
  it('is replayed when all of it is there, a page that was lost asked for again', async () => {
    harness.api.pagesLost = 1;
    const executionId = await harness.api.run('doubles', COUNT + 1, { attempt: 2, history });
    const { output } = await harness.api.finished(executionId);
    expect(output).toBe(COUNT * (COUNT + 1));
    expect(harness.api.pagesAsked).toEqual([20, 20, 40]);
    expect(harness.api.story(executionId)).toEqual(['task_completed', 'finished:completed']);
  });

  it('is replayed with an input that was too large for the grant, too', async () => {
    harness.api.inputFollows = true;
    const executionId = await harness.api.run('doubles', COUNT + 1, { attempt: 2, history });
    expect((await harness.api.finished(executionId)).output).toBe(COUNT * (COUNT + 1));
  });

  it('keeps a cancel that comes meanwhile, and heartbeats go on', async () => {
    const executionId = await runHeld();
    await harness.api.cancel(executionId, 10_000, undefined, 2);
    await harness.api.event(executionId, 'cancel_delivered');
    const beats = harness.api.heartbeats.length;
    await harness.api.until(
      'a heartbeat that names it',
      () => harness.api.heartbeats.length > beats && harness.api.isHeld(executionId),
    );
    gate.resolve();
    expect(await harness.api.finished(executionId)).toMatchObject({ outcome: 'cancelled' });
    expect(harness.api.story(executionId)).toEqual(['cancel_delivered', 'finished:cancelled']);
  });

  it('keeps a pause that comes meanwhile', async () => {
    const executionId = await runHeld();
    await harness.api.tell('pause', { executionId, attempt: 2 });
    gate.resolve();
    expect(await harness.api.event(executionId, 'parked')).toMatchObject({ kind: 'request' });
  });

  it('is dropped when another attempt owns the execution meanwhile', async () => {
    const executionId = await runHeld();
    await harness.api.tell('fence', { executionId, attempt: 2 });
    await harness.api.until('its end', () => !harness.api.isHeld(executionId));
    gate.resolve();
    await harness.api.begin('doubles', 1, 'finished');
    expect(harness.api.story(executionId)).toEqual([]);
  });

  it('is dropped when the api says that the attempt is not this worker’s', async () => {
    const executionId = await runHeld();
    harness.api.forget(executionId);
    gate.resolve();
    await harness.until('the fence', () => harness.logged('stopped: another attempt owns it') !== undefined);
    await harness.api.begin('doubles', 1, 'finished');
    expect(harness.api.story(executionId)).toEqual([]);
  });
});
