import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isCancelled, task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';

/** A side effect outside of everything that is broken here: a line of a file, with its time. */
function stamp({ executionId, attempt }: Pick<TaskContext, 'executionId' | 'attempt'>, what: string): void {
  appendFileSync(process.env.CHAOS_FILE ?? '', `${Date.now()} ${executionId} ${attempt} ${what}\n`);
}

export const step = task('step', async (ctx: TaskContext, pauseMs: number) => {
  stamp(ctx, 'step begins');
  await wait(pauseMs, undefined, { signal: ctx.signal });
  stamp(ctx, 'step ends');
});

export const tidy = task('tidy', (ctx: TaskContext, _: null) => stamp(ctx, 'cleanup'));

export const undoable = task('undoable', (ctx: TaskContext, _: null) => stamp(ctx, 'done'), {
  rollback: (ctx) => stamp(ctx, 'undone'),
});

interface Input {
  readonly where: 'working' | 'asleep' | 'paused';
  readonly steps: number;
  readonly pauseMs: number;
}

/** Works, sleeps or is paused, and cleans up after a cancel. */
export const chaotic = workflow('chaotic', async (ctx: ExecutionContext, input: Input) => {
  try {
    await ctx.run(undoable, null);
    if (input.where === 'asleep') await ctx.sleep('1h');
    if (input.where === 'paused') await ctx.pause('approval');
    for (let done = 0; done < input.steps; done += 1) await ctx.run(step, input.pauseMs);
  } catch (error) {
    if (isCancelled(error)) await ctx.shield(() => ctx.run(tidy, null));
    throw error;
  }
});
