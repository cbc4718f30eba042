import { compileSchema } from '@flux/api/testing';
import { workflow } from '@flux/sdk';
import { describe, expect, it } from '@jest/globals';
import { problem } from '@flux/contracts';
import fc from 'fast-check';
import { z as newest } from 'zod';
import { z as oldest } from 'zod-4.0';
import { z as middle } from 'zod-4.4';
import { builtWorkflows } from './support/deployment.js';
import { inputs, recipes, type Recipe, type Z } from './support/random-schemas.js';
import type { Answer } from './support/rest.js';
import { useDeployment } from './support/use-deployment.js';

const VERSIONS: ReadonlyArray<readonly [string, Z]> = [
  ['4.0', oldest as unknown as Z],
  ['4.4', middle as unknown as Z],
  ['4.6', newest],
];

/** The schema that a recipe gives; undefined where that version of zod refuses to make it. */
function make(recipe: Recipe, z: Z): ReturnType<Recipe> | undefined {
  try {
    return recipe(z);
  } catch {
    return undefined;
  }
}

/** The verdicts on inputs: what the api finds wrong, and whether the worker takes them. */
function judge(schema: ReturnType<Recipe>): (input: unknown) => Promise<{ faults: string[]; fits: boolean }> {
  const { inputSchema, parseInput } = workflow('judged', () => 1, { input: schema });
  const check = compileSchema(inputSchema() ?? {}, () => undefined);
  return async (input) => ({
    faults: check(structuredClone(input)).map(({ path, message }) => `${path} ${message}`),
    fits: await parseInput(structuredClone(input)).then(
      () => true,
      () => false,
    ),
  });
}

describe('what the api refuses, the worker would refuse too (elsewhere: two validators of one schema, and the wrong one wins)', () => {
  it.each(VERSIONS)(
    'for any schema of zod %s and any input',
    async (_version, z) => {
      const counts = { refused: 0, left: 0, taken: 0 };
      const property = fc.asyncProperty(
        recipes,
        fc.array(inputs, { minLength: 8, maxLength: 8 }),
        async (recipe, all) => {
          const schema = make(recipe, z);
          fc.pre(schema !== undefined);
          const verdict = judge(schema);
          for (const input of all) {
            const { faults, fits } = await verdict(input);
            if (fits) expect(faults).toEqual([]);
            counts[fits ? 'taken' : faults.length > 0 ? 'refused' : 'left'] += 1;
          }
        },
      );
      await fc.assert(property, { numRuns: Number(process.env['FLUX_SCHEMA_RUNS'] ?? 100) });
      expect(Math.min(...Object.values(counts))).toBeGreaterThan(20);
    },
    300_000,
  );
});

describe('an input, from the start to the body', () => {
  const CHECK_MS = 2_000;
  const flux = useDeployment(
    ['worker-a'],
    { FLUX_INPUT_CHECK_TIMEOUT: `${CHECK_MS}ms` },
    { workflows: builtWorkflows('schema-workflows') },
  );
  const { start, end, history } = flux.rest;
  const post = (workflowName: string, input: unknown): Promise<Answer> =>
    flux.rest.request('POST', `/workflows/${workflowName}/executions`, { body: { input } });

  it('whose check takes too long is refused, and the api answers all others meanwhile (elsewhere: a pattern of a user’s schema stops the api)', async () => {
    const order: string[] = [];
    const slow = post('backtracks', { who: { name: `${'a'.repeat(45)}!` } }).finally(() =>
      order.push('slow'),
    );
    await flux.rest.request('GET', '/health/live');
    const patterned = await post('zod_4_0', { s: 'ab' });
    const [worker] = await flux.rest.workers();
    order.push('others');
    expect([patterned.status, worker?.state]).toEqual([201, 'running']);
    const answer = await slow;
    expect(order).toEqual(['others', 'slow']);
    expect(answer.status).toBe(422);
    expect(problem.parse(answer.body)).toMatchObject({
      code: 'INPUT_CHECK_TOO_SLOW',
      detail: `who.name takes longer to check than ${CHECK_MS} ms`,
      errors: [{ path: 'who.name' }],
    });
    expect((await post('backtracks', { who: { name: 'aa' } })).status).toBe(201);
  });

  it('whose check takes too long in the worker fails its execution, run once, and its neighbours come to their ends', async () => {
    const neighbours = await Promise.all([1, 2, 3].map(() => start('beside', 100)));
    for (const each of neighbours) await flux.rest.until(each, ({ state }) => state === 'RUNNING');
    const slow = await start('backtracks_in_worker', `${'a'.repeat(37)}$`);
    const ended = await end(slow);
    expect(ended).toMatchObject({
      state: 'FAILED',
      attempt: 1,
      error: {
        code: 'INPUT_CHECK_TOO_SLOW',
        message: `the schema takes longer to check the input than ${CHECK_MS} ms`,
      },
    });
    for (const each of neighbours) expect(await end(each)).toMatchObject({ state: 'COMPLETED', output: 100 });
    expect(await end(await start('backtracks_in_worker', 'a b'))).toMatchObject({ state: 'COMPLETED' });
  }, 60_000);

  const ODD = {
    dash: '2026-11',
    set: 'a-b.c',
    anyCase: 'RUN',
    dotAll: 'a\nb',
    lines: 'a\nb',
    units: '\u{1f600}',
    site: 'http://ü.de/ü',
    price: 19.99,
    time: 'PT0.5S',
    address: '::ffff:1.2.3.4',
    mail: 'a@localhost',
    coerced: '5',
    caught: 'x',
    prepared: '6',
    trimmed: ' abc ',
    lower: 'ABC',
    positive: -1,
    either: 'a',
    dated: 'today',
    nothing: [],
    named: 'x',
    when: '2026-11-28',
  };
  const MADE = {
    coerced: 5,
    caught: 1,
    prepared: 6,
    trimmed: 'abc',
    lower: 'abc',
    positive: 1,
    defaulted: 'made',
    when: 2026,
  };

  it.each([
    ['takes_odd', ODD, { ...ODD, ...MADE }],
    [
      'takes_odd',
      { ...ODD, price: 0.07, units: 'é!', coerced: true, when: 0 },
      expect.objectContaining({ price: 0.07, units: 'é!', coerced: 1, when: 1970 }),
    ],
    ['zod_3', { s: 'Ab' }, { n: 4, s: 'Ab' }],
    ['zod_4_0', { s: 'ab', n: 0.3 }, { s: 'ab', n: 0.3 }],
    ['zod_4_4', { s: '\u{1f600}\u{1f600}', n: ' a ' }, { s: '\u{1f600}\u{1f600}', n: 'a' }],
    ['own_schema', 'text', 4],
  ])(
    'that the schema takes is taken, and the body of %s gets what the schema makes of it',
    async (name, input, output) => {
      expect(await end(await start(name, input))).toMatchObject({ state: 'COMPLETED', input, output });
    },
  );

  it.each([
    ['refuses', { even: 3 }, 'even: is odd'],
    ['refuses', { date: '2026-11-28' }, 'date: '],
    ['refuses', { never: null }, 'never: '],
    ['refuses', { site: 'no url' }, 'site: '],
    ['refuses', { word: '1', even: 5 }, 'even: is odd; word: '],
    ['zod_3', { n: 'x' }, 'n: Expected number, received string; s: Required'],
    ['own_schema', 1, 'a.0: no text'],
  ])('that only the schema of %s can refuse ends FAILED, run once', async (name, input, fault) => {
    const failed = await end(await start(name, input));
    expect(failed).toMatchObject({ state: 'FAILED', attempt: 1, error: { code: 'INVALID_INPUT' } });
    expect(failed.error?.message).toContain(`the input does not fit the schema: ${fault}`);
    expect((await history(failed)).map(({ type }) => type)).toEqual([
      'execution_scheduled',
      'execution_started',
      'execution_failed',
    ]);
  });

  it.each([
    ['takes_odd', { ...ODD, dash: '2026' }, 'dash'],
    ['takes_odd', { ...ODD, trimmed: 3 }, 'trimmed'],
    ['takes_odd', { ...ODD, nothing: [1] }, 'nothing'],
    ['zod_4_0', { s: 'abc' }, 's'],
    ['zod_4_4', { s: 'abc', n: 1 }, 'n'],
  ])('that JSON Schema refuses too is refused at the start: %s', async (name, input, path) => {
    const answer = await post(name, input);
    expect(answer).toMatchObject({ status: 422, body: { code: 'INVALID_INPUT', errors: [{ path }] } });
  });
});
