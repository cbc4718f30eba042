import { runInThisContext } from 'node:vm';
import { task, workflow, type ExecutionContext } from '@flux/sdk';
import { stringify } from 'fast-check';

/** The value of a JavaScript expression. */
const evaluate = (source: string): unknown => runInThisContext(`(${source})`);

export const make = task('make', (_ctx, source: string) => evaluate(source));

/** Makes values, and checks those that come back: from the tasks that made them, and once more from the record. */
export const anyValue = workflow('any_value', async (ctx: ExecutionContext, sources: string[]) => {
  const values = await ctx.map(make, sources);
  const others = sources.filter((source, index) => stringify(values[index]) !== source);
  if (others.length > 0) throw new Error(`came back otherwise: ${others.join('; ')}`);
  await ctx.pause('replay');
  return { attempt: ctx.attempt, at: new Date(0), seen: new Map([['values', values.length]]) };
});

const noop = task('noop', (_ctx, input: number) => input);

/** Runs a number of tasks one after the other. */
export const long = workflow('long', async (ctx: ExecutionContext, count: number) => {
  for (let number = 0; number < count; number += 1) await ctx.run(noop, number);
});
