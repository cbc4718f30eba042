import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';

/** Values that are large, and hardly compressible unless that is asked for. */

interface Making {
  readonly bytes: number;
  readonly file: string;
  /** Whether the values compress to next to nothing. */
  readonly plain?: boolean;
}

function textOf(bytes: number, plain = false): string {
  if (plain) return 'plain'.repeat(bytes / 5);
  return randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64');
}

/** Marks that it ran, and returns as many bytes of text as it is told. */
export const make = task(
  'make',
  (_ctx: TaskContext, { bytes, file, plain, index }: Making & { index: number }) => {
    appendFileSync(file, `made ${index}\n`);
    return Promise.resolve(textOf(bytes, plain));
  },
);

/** Has `count` large values made at once, and returns their whole length; pauses before, if it is told to. */
export const largeMap = workflow(
  'large_map',
  async (
    ctx: ExecutionContext,
    { count, pauses, ...making }: Making & { count: number; pauses?: boolean },
  ) => {
    const wishes = Array.from({ length: count }, (_, index) => ({ ...making, index }));
    const texts = await ctx.map(make, wishes, { concurrency: count });
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    const resumed = pauses ? await ctx.pause<string>('more') : '';
    return { length: length + resumed.length };
  },
);

const tidy = task('tidy', () => Promise.resolve('tidied'));

/** Has large values made, far more than its grace period carries over a slow link, and cleans up by a small task. */
export const interruptedMap = workflow(
  'interrupted_map',
  async (ctx: ExecutionContext, { count, ...making }: Making & { count: number }) => {
    try {
      const wishes = Array.from({ length: count }, (_, index) => ({ ...making, index }));
      return (await ctx.map(make, wishes)).length;
    } catch (error) {
      await ctx.shield(() => ctx.run(tidy));
      throw error;
    }
  },
  { gracePeriod: '4s' },
);

/** Measures an input that is large, in a task that marks that it ran. */
export const measure = task(
  'measure',
  (_ctx: TaskContext, { text, file }: { text: string; file: string }) => {
    appendFileSync(file, `measured ${text.length}\n`);
    return Promise.resolve(text.length);
  },
);

export const largeInput = workflow(
  'large_input',
  (ctx: ExecutionContext, input: { text: string; file: string }) => ctx.run(measure, input),
);

/** Returns a large value as its own, to its parent. */
export const largeChild = workflow('large_child', (_ctx: ExecutionContext, { bytes }: { bytes: number }) =>
  Promise.resolve(textOf(bytes)),
);

/** Runs a child with a large input that returns a large value, and tells the lengths. */
export const largeParent = workflow(
  'large_parent',
  async (ctx: ExecutionContext, { bytes, file }: Making) => {
    const text = await ctx.run(make, { bytes, file, index: 0 });
    const returned = await Promise.all([1, 2].map(() => ctx.call(largeChild, { bytes })));
    const measured = await ctx.call(largeInput, { text, file });
    return { lengths: [...returned.map((each) => each.length), measured] };
  },
);

const TICK_MS = 50;

const tick = task('tick', async () => {
  await wait(TICK_MS);
  return performance.now();
});

/** Steps on and on for so many steps; returns the longest time that one took beyond its own, milliseconds. */
export const stepper = workflow('stepper', async (ctx: ExecutionContext, { steps }: { steps: number }) => {
  let longest = 0;
  for (let step = 0; step < steps; step += 1) {
    const began = performance.now();
    await ctx.run(tick);
    longest = Math.max(longest, performance.now() - began - TICK_MS);
  }
  return { longest };
});

/** The bytes that live in this process's heap. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

let heapAtLast = 0;

const pass = task('pass', (_ctx: TaskContext, { index, isLast }: { index: number; isLast: boolean }) => {
  if (isLast) heapAtLast = heapBytes();
  return Promise.resolve(index);
});

/**
 * Maps over so many small inputs; returns how long that took, milliseconds, or, where that is `measured`, the bytes of heap
 * for each task once all have begun.
 */
export const smallMap = workflow(
  'small_map',
  async (ctx: ExecutionContext, { count, measured = false }: { count: number; measured?: boolean }) => {
    const wishes = Array.from({ length: count }, (_, index) => ({
      index,
      isLast: measured && index === count - 1,
    }));
    const before = measured ? heapBytes() : 0;
    const began = performance.now();
    const outputs = await ctx.map(pass, wishes);
    const took = performance.now() - began;
    return { outputs: outputs.length, took, bytes: measured ? (heapAtLast - before) / count : null };
  },
);

/** Takes a large input, and has as many large values made as it is told. */
export const largeLife = workflow(
  'large_life',
  async (ctx: ExecutionContext, { text, count, ...making }: Making & { text: string; count: number }) => {
    const wishes = Array.from({ length: count }, (_, index) => ({ ...making, index }));
    const texts = await ctx.map(make, wishes);
    return { input: text.length, output: texts.reduce((sum, each) => sum + each.length, 0) };
  },
);
