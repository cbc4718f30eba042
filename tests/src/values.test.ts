import { describe, expect, it } from '@jest/globals';
import { freePort } from '@flux/testing';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['only']);
const { end, expectLegal } = flux.rest;

/** Starts workflow `let_out` and resolves with its end, whose history is legal. */
const letOut = async (door: string, kind: string, size = 0) =>
  expectLegal(await end(await flux.rest.start('let_out', { door, kind, size })));

describe('a value that is nested too deep', () => {
  it('ends its own execution, once, by whatever door it leaves (elsewhere: a deep value kills the supervisor, or blocks what stands behind it for ever)', async () => {
    const neighbour = await flux.rest.start('sleeper', { for: '3s' });
    const wishes = [
      ['task', 'lists', 2000],
      ['output', 'objects', 4000],
      ['child', 'maps', 3000],
      ['progress', 'objects', 9000],
      ['task', 'causes', 9000],
    ] as const;
    const ended = await Promise.all(wishes.map(([door, kind, size]) => letOut(door, kind, size)));
    for (const { state, attempt, error } of ended) {
      expect([state, attempt]).toEqual(['FAILED', 1]);
      expect(JSON.stringify(error)).toContain('is nested more than 200 levels deep at ');
    }
    expect(new Set(ended.map(({ error }) => error?.code))).toEqual(new Set(['VALUE_TOO_DEEP']));
    expect(await letOut('error', 'lists', 5000)).toMatchObject({
      state: 'FAILED',
      attempt: 1,
      error: { message: 'with it' },
    });
    expect(await letOut('log', 'lists', 5000)).toMatchObject({ state: 'COMPLETED', attempt: 1 });
    expect(await end(neighbour)).toMatchObject({ state: 'COMPLETED', attempt: 1 });
    expect(flux.worker.isRunning).toBe(true);
  }, 60_000);
});

describe('half a character, or NUL', () => {
  it.each(['task', 'output', 'child', 'error', 'progress', 'log'])(
    'stays what it is, by the door %s',
    async (door) => {
      const { state, output, error } = await letOut(door, 'text');
      const text = 'half \ud83d, NUL \0';
      if (door === 'error')
        expect([state, error?.cause?.message, error?.fields]).toMatchObject([
          'FAILED',
          expect.any(String),
          { value: text },
        ]);
      else expect(state).toBe('COMPLETED');
      if (door === 'task' || door === 'output') expect(output).toBe(text);
      if (door === 'child') expect((output as unknown[])[1]).toBe(text);
    },
    60_000,
  );
});

describe('the input of a child', () => {
  it('is what its parent handed down, and so is what comes back (elsewhere: a child’s input loses its types without a word)', async () => {
    const done = await expectLegal(await end(await flux.rest.start('hand_down')));
    expect(done).toMatchObject({ state: 'COMPLETED', output: { isSame: true } });
    expect((done.output as { shown: string }).shown).toBe(
      '{ bytes: <Buffer 68 69>, gone: undefined, map: Map(1) { { a: 1 } => Set(1) { 1n } }, ' +
        'odd: [ undefined, NaN, -0, Infinity ], pattern: /a+/giu, when: 1970-01-01T00:00:00.000Z }',
    );
  }, 60_000);
});

describe('an error', () => {
  it('is told with its causes, to programs and to people (elsewhere: fetch failed, and nothing else)', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const execution = await flux.rest.start('ask', `http://${address}`);
    const { error } = await expectLegal(await end(execution));
    expect(error).toMatchObject({
      code: 'TASK_FAILED',
      name: 'TypeError',
      message: 'fetch failed',
      cause: {
        code: 'ECONNREFUSED',
        message: `connect ECONNREFUSED ${address}`,
        fields: { syscall: 'connect', address: '127.0.0.1' },
      },
    });
    const { stdout } = await flux.cli('workflow', 'status', 'ask', execution.executionId);
    expect(stdout).toContain(`TypeError: fetch failed ← connect ECONNREFUSED ${address} (ECONNREFUSED)`);
  }, 60_000);

  it('of a child keeps its code and fields in its parent, which is told once', async () => {
    const parent = await expectLegal(await end(await flux.rest.start('sold_out')));
    expect(parent).toMatchObject({
      state: 'FAILED',
      error: { cause: { code: 'OUT_OF_STOCK', message: 'no stock', fields: { sku: 4711 } } },
    });
    const { stdout } = await flux.cli('workflow', 'status', 'sold_out', parent.executionId);
    expect(stdout).toMatch(
      /ChildFailedError: child out_of_stock \S+ failed: Error: no stock \(OUT_OF_STOCK\)\n/,
    );
  }, 60_000);
});
