import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

const input = z.object({
  items: z.int().min(1).max(1000).default(12),
  /** How many are worked on at a time. */
  concurrency: z.int().min(1).max(64).default(4),
  /** Every so many items the first way of doing it fails; 0 is never. */
  failEvery: z.int().min(0).default(5),
});

/** Measures one item. When the exact way fails, the fallback estimates: one bad item does not end the others. */
export const measure = task(
  'measure',
  async (ctx: TaskContext, { item, fails }: { item: number; fails: boolean }) => {
    await wait(30, undefined, { signal: ctx.signal });
    if (fails) throw new Error(`item ${item} cannot be measured`);
    return { item, size: item * item, exact: true };
  },
  { timeout: '5s', fallback: (_ctx, { item }) => ({ item, size: item * item, exact: false }) },
);

/** Measures all items, so many at a time; outputs keep the order of the items. */
export const parallelMap = workflow(
  'parallel_map',
  async (ctx: ExecutionContext, { items, concurrency, failEvery }: z.output<typeof input>) => {
    const all = Array.from({ length: items }, (_, item) => ({
      item,
      fails: failEvery > 0 && item % failEvery === failEvery - 1,
    }));
    const measured = await ctx.map(measure, all, { concurrency });
    return {
      total: measured.reduce((sum, { size }) => sum + size, 0),
      estimated: measured.filter(({ exact }) => !exact).length,
    };
  },
  { input },
);
