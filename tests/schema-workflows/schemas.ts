import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow } from '@flux/sdk';
import { z } from 'zod';
import { z as z3 } from 'zod-3';
import { z as z40 } from 'zod-4.0';
import { z as z44 } from 'zod-4.4';

const echo = (_ctx: unknown, input: unknown): unknown => input;

/** Each letter more doubles what the pattern takes to refuse. */
export const backtracks = workflow('backtracks', echo, {
  input: z.object({ who: z.object({ name: z.string().regex(/^(a+)+$/) }) }),
});

/** The same with a flag, so that JSON Schema cannot say it and the worker alone checks it; and a neighbour of it. */
export const backtracksInWorker = workflow('backtracks_in_worker', echo, {
  input: z.string().regex(/^(\w+\s?)*$/i),
});
const pause = task('pause', (ctx) => wait(50, undefined, { signal: ctx.signal }));
export const beside = workflow('beside', async (ctx, steps: number) => {
  for (let step = 0; step < steps; step += 1) await ctx.run(pause);
  return steps;
});

/** What JSON Schema would say otherwise, or not at all. */
const odd = {
  dash: z.string().regex(new RegExp('^\\d{4}\\-\\d{2}$')),
  set: z.string().regex(/^[\w-.]+$/),
  anyCase: z.string().regex(/^run$/i),
  dotAll: z.string().regex(/^a.b$/s),
  lines: z.string().regex(/^b$/m),
  units: z.string().regex(/^..$/),
  site: z.url(),
  price: z.number().multipleOf(0.01),
  time: z.iso.duration(),
  address: z.ipv6(),
  mail: z.email({ pattern: z.regexes.html5Email }),
  coerced: z.coerce.number(),
  caught: z.number().catch(1),
  prepared: z.preprocess((value) => Number(value), z.number()),
  trimmed: z.string().trim().length(3),
  lower: z
    .string()
    .toLowerCase()
    .regex(/^[a-z]+$/),
  positive: z.number().overwrite(Math.abs).min(0),
  either: z.xor([
    z.string().refine((text) => text.startsWith('a')),
    z.string().refine((text) => text.endsWith('b')),
  ]),
  dated: z.string().meta({ format: 'date' }),
  nothing: z.tuple([]),
  named: z.string().meta({ id: 'x%20y' }),
  defaulted: z.string().default('made'),
  when: z.coerce.date().transform((date) => date.getUTCFullYear()),
};
export const takesOdd = workflow('takes_odd', echo, { input: z.object(odd) });

/** What JSON Schema cannot say. */
export const refuses = workflow('refuses', echo, {
  input: z
    .object({
      even: z.number().refine((value) => value % 2 === 0, 'is odd'),
      date: z.date(),
      never: z.undefined(),
      site: z.httpUrl(),
      word: z.string().regex(/^[a-z]+$/i),
    })
    .partial(),
});

export const third = workflow('zod_3', echo, {
  input: z3.object({ n: z3.number().int().default(4), s: z3.string().regex(/^a/i) }),
});
export const oldest = workflow('zod_4_0', echo, {
  input: z40.object({ s: z40.string().max(2), n: z40.number().multipleOf(0.1).optional() }),
});
export const middle = workflow('zod_4_4', echo, {
  input: z44.object({ s: z44.string().min(4), n: z44.string().trim().max(1).optional() }),
});
/** A schema of nobody's library. */
export const own = workflow('own_schema', echo, {
  input: {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: async (value: unknown) =>
        typeof value === 'string'
          ? { value: value.length }
          : { issues: [{ message: 'no text', path: ['a', { key: 0 }] }] },
    },
  },
});
