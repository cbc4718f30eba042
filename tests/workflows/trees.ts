import { appendFileSync } from 'node:fs';
import { isCancelled, task, workflow, type ExecutionContext } from '@flux/sdk';

/** A cleanup that waits for its turn takes its time on a busy machine. */
const PATIENT = { gracePeriod: '1m' };

const write = task('write_line', (_ctx, input: { readonly file: string; readonly line: string }) => {
  appendFileSync(input.file, `${input.line}\n`);
  return Promise.resolve(null);
});

/** Waits for a cancel, in pieces too short to be parked. */
async function hold(ctx: ExecutionContext): Promise<never> {
  for (;;) await ctx.sleep('4s');
}

/** Does nothing, and takes a place until it is cancelled. */
export const takingAPlace = workflow('taking_a_place', hold);

/** Calls itself in a shield, `depth` times. */
export const shields = workflow(
  'shields',
  async (ctx: ExecutionContext, { depth }: { depth: number }): Promise<number> =>
    depth === 0 ? 0 : 1 + Number(await ctx.shield(() => ctx.call('shields', { depth: depth - 1 }))),
);

export const refund = workflow(
  'refund',
  async (ctx: ExecutionContext, input: { file: string; of: string }) => {
    await ctx.run(write, { file: input.file, line: input.of });
  },
);

/** Has another workflow undo what it did, when it is cancelled. */
export const refunded = workflow(
  'refunded',
  async (ctx: ExecutionContext, { file, waits }: { file: string; waits: boolean }) => {
    ctx.onCancel(async () => void (await ctx.call(refund, { file, of: ctx.executionId })));
    if (waits) await ctx.pause('go');
    else await hold(ctx);
  },
  PATIENT,
);

/** A chain of calls, each of which tells of its cleanup. */
export const chain = workflow(
  'chain',
  async (ctx: ExecutionContext, { file, depth }: { file: string; depth: number }) => {
    try {
      if (depth === 0) await ctx.pause('the end');
      else await ctx.call('chain', { file, depth: depth - 1 });
    } catch (error) {
      if (isCancelled(error)) await ctx.shield(() => ctx.run(write, { file, line: String(depth) }));
      throw error;
    }
  },
  // A hundred cleanups, one after the other, take their time on a busy machine.
  { gracePeriod: '1m' },
);

/** Starts itself and ends. */
export const relayRace = workflow('relay_race', async (ctx: ExecutionContext) => {
  await ctx.sleep(30);
  await ctx.start('relay_race', {}, { onParentCancel: 'abandon' });
});
