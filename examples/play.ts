import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';

const step = task('step', async (ctx: TaskContext, n: number) => {
  await wait(1000, undefined, { signal: ctx.signal });
  ctx.log.info(`step ${n}`);
  return n;
});

/**
 * A place to try things: with `npm run dev` beside it, change this file, save, and
 * `npm run flux -- workflow run play --mode stream`.
 */
export const play = workflow('play', async (ctx: ExecutionContext) => {
  const first = await ctx.run(step, 1);
  return first + (await ctx.run(step, 2));
});
