import { appendFileSync } from 'node:fs';
import {
  ChildCancelledError,
  ChildFailedError,
  isCancelled,
  task,
  workflow,
  type ChildOptions,
  type ExecutionContext,
} from '@flux/sdk';
import { z } from 'zod';

/** A note of what an execution does, with the time, for the test that watches the file. */
const stamp = task('stamp', (ctx, input: { readonly file: string; readonly line: string }) => {
  appendFileSync(input.file, `${input.line} ${ctx.executionId} ${Date.now()}\n`);
  return Promise.resolve(null);
});

/** Waits for a cancel in pieces too short to be parked. */
async function hold(ctx: ExecutionContext): Promise<never> {
  for (;;) await ctx.sleep('4s');
}

/** Runs `fn` and stamps its cleanup on a cancel. */
async function tidily<T>(ctx: ExecutionContext, file: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    if (isCancelled(error)) await ctx.shield(() => ctx.run(stamp, { file, line: 'cleanup' }));
    throw error;
  }
}

export const double = workflow(
  'double',
  async (ctx: ExecutionContext, { value }: { value: number }) => {
    if (value < 0) throw new RangeError('negative');
    return { value: value * 2, at: new Date(0), attempt: ctx.attempt };
  },
  { input: z.object({ value: z.number() }) },
);

/** Ends with a text that JSON has and PostgreSQL's `text` has not. */
export const awkward = workflow(
  'awkward',
  async (ctx: ExecutionContext, { text, fails }: { text: string; fails: boolean }) => {
    await ctx.sleep('10ms');
    if (fails) throw new RangeError(text);
    return { text, at: new Date(0) };
  },
);

/** A thousand cleanups take their time on a busy machine. */
const PATIENT = { gracePeriod: '1m' };

/** Waits at the leaves of a tree: running, or asleep and parked. */
export const leaf = workflow(
  'leaf',
  (ctx: ExecutionContext, input: { file: string; asleep: boolean }) =>
    tidily(ctx, input.file, () => (input.asleep ? ctx.sleep('1h') : hold(ctx))),
  PATIENT,
);

/** Calls itself until `depth` is used up, and leaves beside it. */
export const tree = workflow(
  'tree',
  (ctx: ExecutionContext, input: { file: string; depth: number; width: number }) =>
    tidily(ctx, input.file, async () => {
      const { file, depth, width } = input;
      const leaves = Array.from({ length: width }, () => ctx.call(leaf, { file, asleep: true }));
      const next = depth > 1 ? ctx.call('tree', { file, depth: depth - 1, width: 0 }) : hold(ctx);
      await Promise.all([next, ...leaves]);
    }),
  PATIENT,
);

interface Wish {
  readonly workflow: string;
  readonly input?: unknown;
  readonly options?: ChildOptions;
}

/** Tells how each child ended, in the words of what it got. */
export const teller = workflow(
  'teller',
  (ctx: ExecutionContext, { children }: { children: readonly Wish[] }) =>
    Promise.all(
      children.map(async ({ workflow: name, input, options }) => {
        try {
          const output = await ctx.call<{ value: number; at: Date }>(name, input, options);
          return { output, isDate: output.at instanceof Date };
        } catch (error) {
          if (error instanceof ChildFailedError) {
            const { name: kind, code, workflowName, executionId, cause, message } = error;
            return { kind, code, workflowName, executionId, cause, message };
          }
          if (!(error instanceof ChildCancelledError)) throw error;
          const { name: kind, reason, requestedBy, cause, executionId } = error;
          return { kind, reason, requestedBy, cause, executionId, isCancelled: isCancelled(error) };
        }
      }),
    ),
);

/** Has one child that waits, and cleans up after itself. */
export const guardian = workflow(
  'guardian',
  (ctx: ExecutionContext, input: { file: string; asleep?: boolean; options?: ChildOptions }) =>
    tidily(ctx, input.file, () =>
      ctx.call(leaf, { file: input.file, asleep: input.asleep ?? false }, input.options),
    ),
);

/** Starts children and ends without them, or fails beside one that it calls. */
export const leaver = workflow('leaver', async (ctx: ExecutionContext, input: { file: string }) => {
  const started = await ctx.start(leaf, { file: input.file, asleep: true });
  const called = ctx.call(leaf, { file: input.file, asleep: true });
  await ctx.run(stamp, { file: input.file, line: 'leaving' });
  await ctx.sleep(300);
  void called;
  throw new Error(`left ${started.executionId}`);
});

/** Starts a child and takes its result later. */
export const starter = workflow('starter', async (ctx: ExecutionContext, input: { value: number }) => {
  const handle = await ctx.start(double, { value: input.value }, { labels: { kind: 'started' } });
  const first = await handle.result();
  // Longer than children are waited for in memory, so that it is replayed.
  await ctx.call('sleeper', { for: '1500ms' });
  const again = await handle.result();
  return { child: handle.executionId, first: first.value, again: again.value };
});

/** Compensates with a child of its own when it is cancelled. */
export const compensating = workflow('compensating', async (ctx: ExecutionContext) => {
  try {
    await hold(ctx);
  } catch (error) {
    if (isCancelled(error)) await ctx.shield(() => ctx.call(double, { value: 21 }));
    throw error;
  }
});

/** Starts one child after the other, as fast as it can. */
export const breeder = workflow('breeder', async (ctx: ExecutionContext, input: { file: string }) => {
  for (;;) await ctx.start(leaf, { file: input.file, asleep: false });
});
