import { setTimeout as wait } from 'node:timers/promises';
import {
  ChildCancelledError,
  ChildFailedError,
  task,
  workflow,
  type ExecutionContext,
  type TaskContext,
} from '@flux/sdk';
import { z } from 'zod';

const region = z.object({ region: z.string().min(1), shops: z.int().min(1).max(1000).default(3) });

const readTill = task('read_till', async (ctx: TaskContext, shop: string) => {
  await wait(20, undefined, { signal: ctx.signal });
  if (shop.startsWith('nowhere')) throw new RangeError(`there is no ${shop}`);
  return shop.length * 100;
});

/** Adds up the tills of a region's shops. An execution of its own: it can be watched and cancelled alone. */
export const regionTotal = workflow(
  'region_total',
  async (ctx: ExecutionContext, input: z.output<typeof region>) => {
    const shops = Array.from({ length: input.shops }, (_, index) => `${input.region}-${index}`);
    const tills = await ctx.map(readTill, shops, { concurrency: 4 });
    return tills.reduce((sum, till) => sum + till, 0);
  },
  { input: region },
);

/**
 * Calls a child for every region, all at once, and reports on those that have a total. A cancel of the report cancels
 * its children first (`onParentCancel: 'wait'`, the default); a cancel of one child costs that region alone.
 */
export const salesReport = workflow(
  'sales_report',
  async (ctx: ExecutionContext, { regions }: { regions: string[] }) => {
    const totalOf = async (name: string): Promise<number | string> => {
      try {
        return await ctx.call(regionTotal, { region: name }, { labels: { region: name }, timeout: '10m' });
      } catch (error) {
        if (error instanceof ChildFailedError) return `failed: ${error.cause.message}`;
        if (error instanceof ChildCancelledError) return `cancelled: ${error.reason ?? 'no reason given'}`;
        throw error;
      }
    };
    const totals = await Promise.all(regions.map(async (name) => [name, await totalOf(name)] as const));
    return Object.fromEntries(totals);
  },
  { input: z.object({ regions: z.array(z.string()).default(['north', 'south', 'nowhere']) }) },
);
