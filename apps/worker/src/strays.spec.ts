import { afterEach, expect, test } from '@jest/globals';
import { Harness } from './testing/worker-harness.js';

const MESSAGE =
  'an execution has ended and left something open in a shared runner, where it goes on: close it in the workflow';

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

test('what executions leave open in a shared runner is told, once in the log, and counted by kind', async () => {
  harness = await Harness.start();
  const { api, logs } = harness;
  const strays = () => api.heartbeats.at(-1)?.strays ?? [];
  await api.begin('leaver', null, 'finished');
  await api.until('the strays', () => strays().length === 4);
  await api.begin('closer', null, 'finished');
  await api.begin('leaver', null, 'finished');
  const of = (kind: string) => ({ workflowName: 'leaver', kind, executions: 2 });
  await api.until('the second', () => strays().every(({ executions }) => executions === 2));
  expect(strays()).toEqual(expect.arrayContaining(['server', 'socket', 'timer', 'watcher'].map(of)));
  expect(strays()).toHaveLength(4);
  const told = logs.filter(({ msg }) => msg === MESSAGE);
  expect(told).toHaveLength(4);
  expect(told).toContainEqual(expect.objectContaining({ workflowName: 'leaver', kind: 'timer', count: 2 }));
  await api.begin('closer', null, 'finished');
});

test('nothing is told of a runner that ends with its execution', async () => {
  harness = await Harness.start();
  const { api } = harness;
  await api.finished(await api.run('leaver', null, { isolate: true }));
  const beats = api.heartbeats.length;
  await api.until('heartbeats', () => api.heartbeats.length > beats + 1);
  expect(api.heartbeats.at(-1)?.strays).toEqual([]);
});
