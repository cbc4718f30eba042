import { execSync } from 'node:child_process';
import { pbkdf2, pbkdf2Sync } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isCancelled, task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { Pool } from 'pg';

/** Each runner has a pool of its own, which ends with it. */
const pool = new Pool({ connectionString: process.env.FLUX_DATABASE_URL, max: 4 });
// A cut connection is replaced: whoever waits for it gets the error.
pool.on('error', () => undefined);

/** A side effect in another system, stamped with the time of the clock that also stamps history. */
export async function stamp(
  { executionId, attempt }: Pick<TaskContext, 'executionId' | 'attempt'>,
  what: string,
) {
  await pool.query('INSERT INTO stamps (execution_id, attempt, what) VALUES ($1, $2, $3)', [
    executionId,
    attempt,
    what,
  ]);
}

interface Work {
  readonly step: number;
  readonly pauseMs: number;
  /** The task never looks at its signal. */
  readonly deaf?: boolean | undefined;
}

export const work = task('work', async (ctx: TaskContext, { step, pauseMs, deaf }: Work) => {
  await stamp(ctx, `begins ${step}`);
  await wait(pauseMs, undefined, deaf ? {} : { signal: ctx.signal });
  await stamp(ctx, `ends ${step}`);
  return step;
});

export const note = task('note', (ctx: TaskContext, what: string) => stamp(ctx, what));

export const undoable = task('undoable', (ctx: TaskContext, _: null) => stamp(ctx, 'done'), {
  rollback: (ctx) => stamp(ctx, 'undone'),
});

/** Runs `fn`, and cleans up after a cancel. */
async function tidily<T>(ctx: ExecutionContext, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    if (isCancelled(error)) await ctx.shield(() => ctx.run(note, 'cleanup'));
    throw error;
  }
}

/** Waits in pieces too short to be parked. */
async function hold(ctx: ExecutionContext): Promise<never> {
  for (;;) await ctx.sleep('4s');
}

/** Runs a number of steps, some of which do not listen, and ends. */
export const stepping = workflow(
  'stepping',
  (ctx: ExecutionContext, input: { steps: number; pauseMs: number; deafEvery?: number }) =>
    tidily(ctx, async () => {
      await ctx.run(undoable, null);
      const done: number[] = [];
      for (let step = 0; step < input.steps; step += 1) {
        const deaf = input.deafEvery !== undefined && step % input.deafEvery === 1;
        done.push(await ctx.run(work, { step, pauseMs: input.pauseMs, deaf }));
      }
      return done;
    }),
);

/** Waits for a cancel, where `where` says. */
export const waiting = workflow(
  'waiting',
  (ctx: ExecutionContext, input: { where: 'held' | 'asleep' | 'paused' }) =>
    tidily(ctx, async () => {
      await ctx.run(undoable, null);
      if (input.where === 'asleep') await ctx.sleep('1h');
      if (input.where === 'paused') await ctx.pause('approval');
      await hold(ctx);
    }),
);

async function end(ctx: ExecutionContext, input: { cleanup: 'none' | 'failed' | 'timed_out' }) {
  await ctx.run(note, 'begun');
  try {
    await hold(ctx);
  } catch (error) {
    if (input.cleanup === 'failed') throw new TypeError('the lock is gone', { cause: error });
    if (input.cleanup === 'timed_out') await wait(3_600_000);
    throw error;
  }
}
/** Waits to be cancelled; the cleanup does what `cleanup` says. */
export const ending = workflow('ending', end);
export const endingAlone = workflow('ending_alone', end, { runner: 'process' });

/** A key that takes minutes to derive. */
const LONG = ['word', 'salt', 100_000_000, 64, 'sha512'] as const;

/** Tells which thread of which process it is that the loop keeps busy, as Linux names it below `/proc`. */
async function spin(ctx: ExecutionContext, { how }: { how: 'loop' | 'call' | 'pool' | 'program' }) {
  await ctx.run(note, readlinkSync('/proc/thread-self'));
  if (how === 'call') pbkdf2Sync(...LONG);
  if (how === 'pool') await promisify(pbkdf2)(...LONG);
  if (how === 'program') execSync('sleep 120');
  for (;;) {
    // Deliberately empty: the busiest loop there is.
  }
}
export const spinShared = workflow('spin_shared', spin);
export const spinProcess = workflow('spin_process', spin, { runner: 'process' });

/** Calls itself to the depth given, and at the bottom so many leaves. */
export const family = workflow(
  'family',
  (ctx: ExecutionContext, input: { depth: number; width: number }): Promise<unknown> =>
    tidily(ctx, async () => {
      const { depth, width } = input;
      if (depth > 1) return ctx.call('family', { depth: depth - 1, width });
      const leaves = Array.from({ length: width }, () => ctx.call(waiting, { where: 'asleep' as const }));
      return Promise.all(leaves);
    }),
);
