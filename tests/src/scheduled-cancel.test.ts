import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { deploy, type Deployment } from './support/deployment.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

let flux: Deployment;

beforeAll(async () => {
  flux = await deploy([]);
  // A worker makes the workflows known and leaves, so that what is started then stays SCHEDULED.
  const passing = await flux.startWorker('passing');
  await passing.stop();
}, 60_000);

afterAll(() => flux.close(), 60_000);

describe('the cancel of a scheduled execution', () => {
  it('is final at once, and no body ever starts, although its run message waits in the queue', async () => {
    const file = temporaryFile('never');
    const cancelled = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const execution = await flux.rest.start('tidy', { file });
        const answer = await flux.rest.cancel(execution, '', { reason: 'not today' });
        expect(answer).toMatchObject({
          status: 200,
          body: { state: 'CANCELLED', attempt: 0, cancellation: { cleanup: 'none', outcome: 'cancelled' } },
        });
        return answer.body as ExecutionResource;
      }),
    );
    const last = await flux.rest.start('one_task', {});
    await flux.startWorker('late');
    await flux.rest.until(last, ({ state }) => state === 'COMPLETED');
    const probe = await flux.rest.start('tidy', { file: `${file}.probe` });
    await flux.rest.until(probe, ({ state }) => state === 'RUNNING');
    await flux.rest.cancel(probe, '?mode=sync');
    expect(existsSync(file)).toBe(false);
    for (const execution of cancelled) {
      const present = await flux.rest.status('tidy', execution.executionId);
      expect(present).toEqual(execution);
      expect(historyFaults(present, await flux.rest.history(present))).toEqual([]);
    }
  });
});
