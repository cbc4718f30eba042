import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext } from '@flux/sdk';

interface Order {
  readonly file: string;
  /** What the second task does: keeps its runner busy, waits and obeys its signal, or waits in its first attempt alone. */
  readonly charging: 'busy' | 'obedient' | 'once';
}

const note = (file: string, line: string): void => appendFileSync(file, `${line}\n`);

const reserve = task('reserve', (_, { file }: Order) => Promise.resolve(note(file, 'reserved')), {
  rollback: (_, { file }) => note(file, 'released'),
});

const charge = task(
  'charge',
  async (ctx, { file, charging }: Order) => {
    note(file, `charging ${ctx.attempt}`);
    if (charging === 'busy') for (;;);
    if (charging === 'obedient' || ctx.attempt === 1) await wait(600_000, undefined, { signal: ctx.signal });
  },
  { rollback: (_, { file }) => note(file, 'refunded') },
);

/** Reserves, which can be undone, and is in the middle of the charge when the test stops it. */
export const order = workflow(
  'order',
  async (ctx: ExecutionContext, input: Order) => {
    await ctx.run(reserve, input);
    await ctx.run(charge, input);
    return 'shipped';
  },
  { runner: 'process' },
);

/** The same in a runner that others share. */
export const shared_order = workflow('shared_order', async (ctx: ExecutionContext, input: Order) => {
  await ctx.run(reserve, input);
  await ctx.run(charge, input);
  return 'shipped';
});
