import { appendFileSync } from 'node:fs';
import { isCancelled, task, workflow, type ExecutionContext } from '@flux/sdk';

/** What an execution notes of itself, for the test that watches the file. */
const note = task('note', (_ctx, input: { readonly file: string; readonly line: string }) => {
  appendFileSync(input.file, `${input.line}\n`);
  return Promise.resolve(input.line);
});

/** Works, sleeps, works. */
export const napping = workflow(
  'napping',
  async (ctx: ExecutionContext, input: { file: string; for: string }) => {
    await ctx.run(note, { file: input.file, line: 'before' });
    await ctx.sleep(input.for);
    await ctx.run(note, { file: input.file, line: 'after' });
    return { attempt: ctx.attempt };
  },
);

/** Sleeps and does nothing else. */
export const dozing = workflow('dozing', (ctx: ExecutionContext, input: { for: string | number }) =>
  ctx.sleep(input.for),
);

/** Waits for somebody's word and returns it. */
export const approval = workflow(
  'approval',
  async (ctx: ExecutionContext, input: { limit?: string } | null) => {
    const word = ctx.pause('approval');
    if (input?.limit === undefined) return { word: await word };
    return { word: await Promise.race([word, ctx.sleep(input.limit).then(() => 'nobody answered')]) };
  },
);

/** Runs short tasks until it has run `count`, so that a pause from outside finds it between two. */
export const stepping = workflow(
  'stepping',
  async (ctx: ExecutionContext, input: { file: string; count: number }) => {
    for (let step = 0; step < input.count; step += 1) {
      await ctx.run(note, { file: input.file, line: `step ${step}` });
      await ctx.sleep(50);
    }
    return { steps: input.count };
  },
);

/** Parks in a sleep or a pause, and cleans up after itself when it is cancelled there. */
export const tidyParked = workflow(
  'tidy_parked',
  async (ctx: ExecutionContext, input: { file: string; where: 'sleep' | 'pause' }) => {
    await ctx.run(note, { file: input.file, line: 'before' });
    try {
      if (input.where === 'sleep') await ctx.sleep('1h');
      else await ctx.pause('approval');
      return undefined;
    } catch (error) {
      if (isCancelled(error)) await ctx.shield(() => ctx.run(note, { file: input.file, line: 'cleanup' }));
      throw error;
    }
  },
);
