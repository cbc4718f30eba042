import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';

interface StampInput {
  readonly file: string;
}

/** A record of what ran, for which attempt, when: written by the running code itself. */
function stamp(file: string, { executionId, attempt }: { executionId: string; attempt: number }): void {
  appendFileSync(file, `${executionId} ${attempt} ${Date.now()}\n`);
}

const deaf = task('deaf', async (ctx: TaskContext, { file }: StampInput) => {
  for (;;) {
    stamp(file, ctx);
    await wait(10);
  }
});

/** A task that never looks at its signal. */
export const stampsDeaf = workflow('stamps_deaf', async (ctx: ExecutionContext, input: StampInput) => {
  await ctx.run(deaf, input);
});

const spin = task('spin', async (ctx: TaskContext, { file }: StampInput) => {
  for (;;) {
    stamp(file, ctx);
    for (const until = Date.now() + 10; Date.now() < until;);
  }
});

/** A task that never gives its runner back. */
export const stampsBusy = workflow('stamps_busy', async (ctx: ExecutionContext, input: StampInput) => {
  await ctx.run(spin, input);
});

const brief = task('brief', async (ctx: TaskContext, { file }: StampInput) => {
  stamp(file, ctx);
  await wait(10);
});

/** Many short tasks, each stamped as it begins. */
export const stampsSteps = workflow(
  'stamps_steps',
  async (ctx: ExecutionContext, input: StampInput & { readonly count: number }) => {
    for (let step = 0; step < input.count; step += 1) await ctx.run(brief, input);
    return { steps: input.count };
  },
);
