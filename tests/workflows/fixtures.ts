import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isCancelled, task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

/** Appends a line to the file that a test watches; one write, so that lines of several workers stay whole. */
function mark(file: string | undefined, line: string): void {
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

const markInput = z.object({ file: z.string().optional(), value: z.string().default('done') });

export const markTask = task(
  'mark',
  (_ctx: TaskContext, input: { file?: string | undefined; line: string }) => {
    mark(input.file, input.line);
    return Promise.resolve(input.line);
  },
);

/** Runs a task, and is done. */
export const oneTask = workflow(
  'one_task',
  async (ctx: ExecutionContext, input: z.output<typeof markInput>) => ({
    marked: await ctx.run(markTask, { file: input.file, line: input.value }),
  }),
  { input: markInput },
);

/** Waits for a cancel in pieces too short to be parked, so that a worker runs it all the while. */
async function hold(ctx: ExecutionContext): Promise<never> {
  for (;;) await ctx.sleep('4s');
}

/** Waits without any clean-up. */
export const sleeper = workflow('sleeper', async (ctx: ExecutionContext, input: { for?: string } | null) => {
  if (input?.for === undefined) await hold(ctx);
  else await ctx.sleep(input.for);
  return { slept: true };
});

/** Marks its start, waits, and cleans up in a shield when it is cancelled. */
export const tidy = workflow(
  'tidy',
  async (ctx: ExecutionContext, input: { file?: string; cleanupMs?: number }) => {
    mark(input.file, `started ${ctx.executionId} ${ctx.attempt}`);
    try {
      await hold(ctx);
    } catch (error) {
      if (isCancelled(error)) {
        await ctx.shield(async () => {
          await ctx.run(markTask, { file: input.file, line: `cleanup-begins ${ctx.executionId}` });
          await wait(input.cleanupMs ?? 10);
          await ctx.run(markTask, { file: input.file, line: `cleanup-ends ${ctx.executionId}` });
        });
      }
      throw error;
    }
  },
);

/** Never gives its runner back: only the kill of its runner stops it. */
export const busy = workflow('busy', (_ctx: ExecutionContext, input: { file?: string }) => {
  mark(input.file, 'busy');
  for (;;) {
    // Deliberately empty: the busiest loop there is.
  }
});

/** Ends, and leaves a timer going in the runner that it shares. */
export const leavesATimer = workflow('leaves_a_timer', () => {
  setInterval(() => undefined, 3_600_000);
  return Promise.resolve(null);
});

/** Sleeps so deeply that its runner hears nothing, for longer than any test. */
export const dormant = workflow('dormant', (ctx: ExecutionContext) => ctx.run(slumber));

export const slumber = task('slumber', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_600_000);
  return Promise.resolve(null);
});

/** Waits, with a clean-up that never ends. */
export const stubborn = workflow('stubborn', async (ctx: ExecutionContext) => {
  try {
    await hold(ctx);
  } finally {
    await wait(3_600_000);
  }
});

/** Swallows the cancel and returns a value all the same. */
export const swallower = workflow('swallower', async (ctx: ExecutionContext) => {
  try {
    await hold(ctx);
  } catch {
    return { swallowed: true };
  }
  return { swallowed: false };
});

/** Throws something else when it is cancelled. */
export const thrower = workflow('thrower', async (ctx: ExecutionContext) => {
  try {
    await hold(ctx);
  } catch {
    throw new TypeError('the clean-up broke');
  }
});

export const failing = workflow('failing', () => Promise.reject(new RangeError('no such page')));

/** Marks each of its steps from inside the task's own code. */
export const steps = workflow(
  'steps',
  async (ctx: ExecutionContext, input: { file: string; count: number; pauseMs: number }) => {
    for (let step = 0; step < input.count; step += 1) {
      await ctx.run(stepTask, { file: input.file, step, pauseMs: input.pauseMs });
    }
    return { steps: input.count };
  },
);

export const stepTask = task(
  'step',
  async (ctx: TaskContext, input: { file: string; step: number; pauseMs: number }) => {
    await wait(input.pauseMs, undefined, { signal: ctx.signal });
    mark(input.file, `step ${input.step}`);
    return input.step;
  },
);
