import { setTimeout as wait } from 'node:timers/promises';
import { NonRetryableError, task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

const input = z.object({
  rows: z.int().min(1).max(10_000).default(100),
  /** How often the source is away before it answers. */
  outages: z.int().min(0).default(1),
  /** Makes the check fail, so that what was loaded is taken back. */
  corrupt: z.boolean().default(false),
});

interface Row {
  readonly id: number;
  readonly amount: number;
}

/** Stands in for a warehouse: what is loaded, by batch. */
const warehouse = new Map<string, readonly Row[]>();
/** How often each execution has asked the source. */
const asked = new Map<string, number>();

/** Reads the source, which is away now and then: tried again with growing, shaken delays. */
export const extract = task(
  'extract',
  async (ctx: TaskContext, { rows, outages }: { rows: number; outages: number }): Promise<Row[]> => {
    const asks = (asked.get(ctx.executionId) ?? 0) + 1;
    asked.set(ctx.executionId, asks);
    await wait(20, undefined, { signal: ctx.signal });
    if (asks <= outages) throw new Error('the source is away');
    asked.delete(ctx.executionId);
    return Array.from({ length: rows }, (_, id) => ({ id, amount: id * 100 }));
  },
  { retry: { maxAttempts: 5, delay: '100ms', backoff: 2, maxDelay: '5s', jitter: 0.5 }, timeout: '30s' },
);

export const transform = task('transform', (_ctx: TaskContext, rows: readonly Row[]) =>
  rows.map(({ id, amount }) => ({ id, amount: amount / 100 })),
);

/** Writes a batch under a name of its own. Its rollback removes the batch when a later step fails or is cancelled. */
export const load = task(
  'load',
  async (ctx: TaskContext, { batch, rows }: { batch: string; rows: readonly Row[] }) => {
    await wait(20, undefined, { signal: ctx.signal });
    warehouse.set(batch, rows);
    return { loaded: rows.length };
  },
  {
    rollback: (ctx, { batch }, { loaded }) => {
      ctx.log.info(`taking back ${loaded} rows of batch ${batch}`);
      warehouse.delete(batch);
    },
  },
);

/** Bad data does not get better by another try. */
export const verify = task(
  'verify',
  ({ log }: TaskContext, { loaded, corrupt }: { loaded: number; corrupt: boolean }) => {
    if (corrupt) throw new NonRetryableError(`the checksum of ${loaded} rows does not match`);
    log.info(`${loaded} rows are sound`);
    return { verified: loaded };
  },
  { retry: { maxAttempts: 3 } },
);

/** Extract, transform, load, verify. `ctx.uuid()` names the batch: a replay gets the same name again. */
export const etl = workflow(
  'etl',
  async (ctx: ExecutionContext, { rows, outages, corrupt }: z.output<typeof input>) => {
    const batch = ctx.uuid();
    const clean = await ctx.pipeline({ rows, outages }, [extract, transform]);
    const { loaded } = await ctx.run(load, { batch, rows: clean });
    const { verified } = await ctx.run(verify, { loaded, corrupt });
    return { batch, rows: verified };
  },
  { input },
);
