import { appendFileSync, existsSync } from 'node:fs';
import { isCancelled, task, workflow, type ExecutionContext } from '@flux/sdk';

/** A note of an execution about itself, for the test that watches the file. */
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

/** Waits in three pauses, one after the other. */
export const threeGates = workflow('three_gates', async (ctx: ExecutionContext) => [
  await ctx.pause('first'),
  await ctx.pause('second'),
  await ctx.pause('third'),
]);

const isThere = task('is_there', (_ctx, file: string) => Promise.resolve(existsSync(file)));

/** Runs short tasks until the file is there, and waits in pauses then. */
export const keptResumes = workflow(
  'kept_resumes',
  async (ctx: ExecutionContext, input: { file: string; gates: number }) => {
    while (!(await ctx.run(isThere, input.file))) await ctx.sleep(20);
    const values: unknown[] = [];
    for (let gate = 0; gate < input.gates; gate += 1) values.push(await ctx.pause(`gate-${gate}`));
    return values;
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
