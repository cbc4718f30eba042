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

const increment = task('bench_increment', async (_ctx, value: number) => value + 1);

/** The least that does durable work. */
export const oneTask = workflow('bench_one_task', async (ctx, input: number) => {
  return ctx.run(increment, input);
});
