import { appendFileSync } from 'node:fs';
import { isCancelled, task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

/** The workflows that a test deploys: the same files under another version, or after a change in place. */
const { DEPLOYED_VERSION: version, DEPLOYED_CHANGE: change } = process.env;
const options = version === undefined ? {} : { version };

/** Stays in the first attempt, so that its worker can be lost meanwhile. */
async function stayFirst(ctx: TaskContext, stays: boolean): Promise<void> {
  if (!stays || ctx.attempt > 1) return;
  await new Promise((_resolve, reject) => {
    ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error));
  });
}

const tell = task('tell', () => Promise.resolve(version ?? 'none'));
const stay = task('stay', (ctx: TaskContext) => stayFirst(ctx, true));
const note = task('note', (_ctx, { file, line }: { file: string; line: string }) => {
  appendFileSync(file, `${line}\n`);
  return Promise.resolve(line);
});

/** Says on which version it began and on which it ended; between it waits for a word, or loses its worker. */
export const rolled = workflow(
  'rolled',
  async (ctx: ExecutionContext, input: { stays?: boolean | undefined; file?: string | undefined }) => {
    const { file } = input;
    const begun = await ctx.run(tell);
    try {
      await (input.stays ? ctx.run(stay) : ctx.pause('go'));
    } catch (error) {
      if (isCancelled(error) && file) await ctx.shield(() => ctx.run(note, { file, line: 'cleanup' }));
      throw error;
    }
    return { begun, ended: await ctx.run(tell) };
  },
  { ...options, input: z.object({ stays: z.boolean().optional(), file: z.string().optional() }) },
);

const step = task('step', async (ctx: TaskContext, { name, stays }: { name: string; stays: boolean }) => {
  await stayFirst(ctx, stays);
  return name;
});

/** Loses its worker at the step `stayAt`; the change in place puts a check before the second one. */
export const changed = workflow(
  'changed',
  async (ctx: ExecutionContext, { stayAt }: { stayAt: string }) => {
    const run = (name: string): Promise<string> => ctx.run(step, { name, stays: name === stayAt });
    const names = [await run('first')];
    if (change === 'check' && ctx.patched('check')) names.push(await run('check'));
    return [...names, await run('second'), await run('third')];
  },
  options,
);

/** Each version takes another input. */
export const picky = workflow('picky', () => 'taken', {
  ...options,
  input: z.object({ [`v${version ?? 'none'}`]: z.literal(true) }),
});
