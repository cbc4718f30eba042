import { setTimeout as wait } from 'node:timers/promises';
import { isCancelled, task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

/** A second of work that stops at once when its execution is cancelled. */
export const iterate = task('iterate', async (ctx: TaskContext, iteration: number) => {
  await wait(1000, undefined, { signal: ctx.signal });
  return iteration;
});

/** Releases what the iterations held, which must happen even when the work was cancelled. */
export const cleanUp = task('clean_up', async (ctx: TaskContext, finished: number) => {
  ctx.log.info(`cleaning up after ${finished} iterations`);
  await wait(200);
  return { released: finished };
});

/**
 * Runs `iterations` iterations of one second each. When it is cancelled it cleans up, in a shield that the
 * cancel cannot cut short, and rethrows: that is how a body says that it has stopped.
 */
export const cancellableWorkflow = workflow(
  'cancellable_workflow',
  async (ctx: ExecutionContext, input: { iterations: number }) => {
    let finished = 0;
    try {
      for (let iteration = 1; iteration <= input.iterations; iteration += 1) {
        await ctx.run(iterate, iteration);
        finished += 1;
      }
      return { finished };
    } catch (error) {
      if (isCancelled(error)) await ctx.shield(() => ctx.run(cleanUp, finished));
      throw error;
    }
  },
  { gracePeriod: '10s', input: z.object({ iterations: z.int().min(1).max(86_400).default(60) }) },
);
