import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { Client } from 'pg';

interface Step {
  readonly step: number;
  /** The first attempt stays in this step until it is killed. */
  readonly blocks?: boolean;
}

/** Counts, where no replay can reach it, that the code of a step has begun; returns how often that was so. */
async function count(
  ctx: Pick<TaskContext, 'executionId' | 'attempt'>,
  kind: 'run' | 'undo' | 'end',
  step: number,
): Promise<number> {
  const client = new Client({ connectionString: process.env.FLUX_DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query<{ times: number }>(
      `WITH counted_now AS (
        INSERT INTO counted (execution_id, attempt, kind, step) VALUES ($1, $2, $3, $4)
      )
      SELECT count(*)::int + 1 AS times FROM counted WHERE execution_id = $1 AND kind = $3 AND step = $4`,
      [ctx.executionId, ctx.attempt, kind, step],
    );
    return rows[0]?.times ?? 0;
  } finally {
    await client.end();
  }
}

const untilKilled = (): Promise<void> => wait(3_600_000);

async function blockFirst(ctx: TaskContext, blocks: boolean | undefined): Promise<void> {
  if (blocks && ctx.attempt === 1) await untilKilled();
}

export const step = task('step', async (ctx: TaskContext, input: Step & { readonly chance: number }) => {
  await count(ctx, 'run', input.step);
  await blockFirst(ctx, input.blocks);
  return { step: input.step, chance: input.chance };
});

/** Twenty steps: twelve one after the other, eight of them three at a time. */
export const counted = workflow('counted', async (ctx: ExecutionContext, input: { blockAt?: number }) => {
  const inputOf = (number: number) => ({
    step: number,
    blocks: number === input.blockAt,
    chance: ctx.random(),
  });
  const id = ctx.uuid();
  const results = [];
  for (let number = 0; number < 12; number += 1) results.push(await ctx.run(step, inputOf(number)));
  const rest = [12, 13, 14, 15, 16, 17, 18, 19].map(inputOf);
  results.push(...(await ctx.map(step, rest, { concurrency: 3 })));
  return { id, at: ctx.now(), results };
});

/** The first attempt to come to this step stays in it until it is killed. */
export const fragile = task(
  'fragile',
  async (ctx: TaskContext, input: Step & { readonly chance: number }) => {
    if ((await count(ctx, 'run', input.step)) === 1) await untilKilled();
    return { step: input.step, chance: input.chance };
  },
);

/** Runs twenty steps one after the other; after the last one the first attempt to come stays too. */
export const inTurn = workflow('in_turn', async (ctx: ExecutionContext) => {
  const id = ctx.uuid();
  const results = [];
  for (let number = 0; number < 20; number += 1) {
    results.push(await ctx.run(fragile, { step: number, chance: ctx.random() }));
  }
  const at = ctx.now();
  if ((await count(ctx, 'end', 20)) === 1) await untilKilled();
  return { id, at, results };
});

export const undoable = task(
  'undoable',
  async (ctx: TaskContext, input: Step) => {
    await count(ctx, 'run', input.step);
    return input.step;
  },
  {
    rollback: async (ctx, input) => {
      await count(ctx, 'undo', input.step);
      await blockFirst(ctx, input.blocks);
    },
  },
);

export const fail = task('fail', () => Promise.reject(new Error('no more')));

/** Five steps that are undone because the body fails, or because it is cancelled while it waits. */
export const undone = workflow(
  'undone',
  async (ctx: ExecutionContext, input: { waits: boolean }) => {
    for (let number = 0; number < 5; number += 1) {
      await ctx.run(undoable, { step: number, blocks: number === 2 });
    }
    if (input.waits) await ctx.sleep('3s');
    await ctx.run(fail);
  },
  { gracePeriod: '30s' },
);
