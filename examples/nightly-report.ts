import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

interface Sale {
  readonly region: string;
  readonly amount: number;
}

/** Stands for a query of the day's sales. */
const readSales = task(
  'read_sales',
  (_ctx: TaskContext, { day, regions }: { day: string; regions: readonly string[] }) =>
    Promise.resolve(regions.map((region): Sale => ({ region, amount: day.length * region.length }))),
  { retry: { maxAttempts: 3, delay: '10s', backoff: 2 } },
);

const publish = task('publish_report', (ctx: TaskContext, report: { day: string; total: number }) => {
  ctx.log.info(`the report of ${report.day} is out`, { total: report.total });
  return Promise.resolve(report);
});

/**
 * Adds up the sales of the day that has just ended. A schedule runs it at night, on the clock of whoever reads it:
 * `flux schedule create nightly --workflow nightly_report --cron '0 2 * * *' --time-zone Europe/Berlin --catch-up 6h`.
 */
export const nightlyReport = workflow(
  'nightly_report',
  async (ctx: ExecutionContext, input: { regions: string[] }) => {
    // Recorded: an execution that goes on elsewhere after midnight reports on the same day.
    const yesterday = new Date(ctx.now() - 86_400_000);
    const day = yesterday.toISOString().slice(0, 10);
    const sales = await ctx.run(readSales, { day, regions: input.regions });
    const total = sales.reduce((sum, { amount }) => sum + amount, 0);
    return ctx.run(publish, { day, total });
  },
  { timeout: '1h', input: z.object({ regions: z.array(z.string()).default(['north', 'south']) }) },
);
