import { task, workflow } from '@flux/sdk';

/** The moment its first line runs, on the machine's monotonic clock in milliseconds. */
export const firstLine = workflow('bench_first_line', async () => {
  return Number(process.hrtime.bigint()) / 1e6;
});

/** Waits to be cancelled, in pieces too short to be parked: a worker runs it all the while. */
export const wait = workflow('bench_wait', async (ctx): Promise<void> => {
  for (;;) await ctx.sleep('4s');
});

/** Is parked for so many milliseconds. */
export const sleeper = workflow('bench_sleeper', async (ctx, milliseconds: number) => {
  await ctx.sleep(milliseconds);
});

const noop = task('bench_noop', async (_ctx, value: number) => value);

/** Runs a number of tasks one after the other. */
export const tasks = workflow('bench_tasks', async (ctx, count: number) => {
  for (let number = 0; number < count; number += 1) await ctx.run(noop, number);
});

/** The task that is new tells how many milliseconds the body took to come to it. */
export const replay = workflow('bench_replay', async (ctx, recorded: number) => {
  const begun = performance.now();
  for (let number = 0; number < recorded; number += 1) await ctx.run(noop, number);
  return ctx.run(noop, performance.now() - begun);
});

const increment = task('bench_increment', async (_ctx, value: number) => value + 1);

/** The least that does durable work. */
export const oneTask = workflow('bench_one_task', async (ctx, input: number) => {
  return ctx.run(increment, input);
});
