import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Harness } from '../../testing/worker-harness.js';

const WORKFLOWS = `
import {
  CancelledError, ChildFailedError, isCancelled, NonRetryableError, task, TaskError, TimeoutError, workflow,
} from '@flux/sdk';
class Refused extends NonRetryableError {}
const caught = async (work) => {
  try {
    return await work();
  } catch (error) {
    const classes = { CancelledError, ChildFailedError, NonRetryableError, Refused, TaskError, TimeoutError };
    return Object.keys(classes).filter((name) => error instanceof classes[name]).join();
  }
};
let tries = 0;
const refused = task('refused', () => { tries += 1; throw new Refused('no'); }, { retry: { maxAttempts: 5, delay: 1 } });
const slow = task('slow', (ctx) => new Promise((_, reject) => {
  ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason));
}));
export const errors = workflow('errors', async (ctx) => ({
  task: await caught(() => ctx.run(refused)),
  tries,
  scope: await caught(() => ctx.scope(() => ctx.run(slow), { timeout: 20 })),
  cut: await caught(() => {
    const scope = ctx.scope(() => ctx.run(slow));
    scope.cancel('enough');
    return scope;
  }),
}));
export const cancelled = workflow('cancelled', async (ctx) => {
  // The cancel may meet it in there.
  await ctx.run(task('begin', () => 1)).catch(() => undefined);
  return (await caught(() => ctx.run(slow))) + ', ' + isCancelled(ctx.signal.reason);
});
`;

let harness: Harness;
const directory = mkdtempSync(join(tmpdir(), 'flux-own-sdk-'));

beforeAll(async () => {
  for (const name of ['sdk', 'domain', 'contracts']) {
    const from = fileURLToPath(new URL(`../../../../../libs/${name}/`, import.meta.url));
    const filter = (path: string): boolean => !path.includes('/node_modules');
    cpSync(from, join(directory, 'node_modules/@flux', name), { recursive: true, filter });
  }
  writeFileSync(join(directory, 'flows.mjs'), WORKFLOWS);
  harness = await Harness.start({ FLUX_WORKFLOWS: directory });
});

afterAll(async () => {
  await harness.close();
  rmSync(directory, { recursive: true });
});

test('workflows with a copy of the SDK of their own are found, and know the errors that they get by instanceof', async () => {
  const id = await harness.api.run('errors');
  expect((await harness.api.finished(id)).output).toEqual({
    task: 'TaskError',
    tries: 1,
    scope: 'TimeoutError',
    cut: 'CancelledError',
  });
});

test('a cancel is known by instanceof too', async () => {
  const { api } = harness;
  const id = await api.begin('cancelled');
  await api.cancel(id, 5_000);
  expect(await api.finished(id)).toMatchObject({ signalled: true, output: 'CancelledError, true' });
});
