import { isCancelled, workflow, type ExecutionContext } from '@flux/sdk';
import { deaf, fallsBack, flaky, gate, held, mark, slowlyUndone, step, tidyUp, type Part } from './stage.js';

interface MomentInput {
  /** A folder of the test's; the execution's own files in it are named by its id. */
  readonly folder: string;
  readonly moment: string;
  /** Its cleanup waits until the test lets it end. */
  readonly cleanupWaits?: boolean;
}

type Moment = (ctx: ExecutionContext, part: (name: string) => Part) => unknown;

/** Where in its life an execution can stand when the cancel comes. */
const MOMENTS: Readonly<Record<string, Moment>> = {
  'in a task': (ctx, part) => ctx.run(held, part('task')),
  'in a task that does not listen': (ctx, part) => ctx.run(deaf, part('task')),
  'between tasks': async (ctx, part) => {
    const { path, name } = part('body');
    mark(ctx, path, `${name} waits`);
    await gate(path, 'go');
  },
  'in a retry delay': (ctx, part) => ctx.run(flaky, part('try')),
  'in a fallback': (ctx, part) => ctx.run(fallsBack, part('fallback')),
  'in a rollback': async (ctx, part) => {
    await ctx.run(slowlyUndone, part('undo'));
    throw new RangeError('no such page');
  },
  'in a short sleep': async (ctx) => {
    // Again and again: how long it takes until the cancel comes is up to the machine.
    for (;;) await ctx.sleep('4s');
  },
  'in a parked sleep': (ctx) => ctx.sleep('1h'),
  'in many short sleeps': async (ctx) => {
    for (let turn = 0; turn < 1_000; turn += 1) await ctx.sleep('50ms');
  },
  'in a pause': (ctx) => ctx.pause('approval'),
  replaying: (ctx) => ctx.pause('approval'),
  'in Promise.all': (ctx, part) =>
    Promise.all(['one', 'two', 'three'].map((name) => ctx.run(held, part(name)))),
  'in ctx.map': (ctx, part) => ctx.map(held, ['one', 'two', 'three', 'four'].map(part), { concurrency: 2 }),
  'in ctx.pipeline': (ctx, part) => ctx.pipeline(part('stage'), [held, step]),
  'in a shield': (ctx, part) => ctx.shield(() => ctx.run(held, part('shielded'))),
  'with a handler': async (ctx, part) => {
    ctx.onCancel(async () => void (await ctx.run(tidyUp, { ...part('handler'), waits: false })));
    await ctx.run(held, part('task'));
  },
  'in a busy loop': (ctx, part) => {
    mark(ctx, part('').path, 'busy');
    for (;;) {
      // Deliberately empty: the busiest loop there is.
    }
  },
};

/** The body of every moment: a step that can be undone, the moment, a step that must not come, and a cleanup. */
async function body(ctx: ExecutionContext, { folder, moment, cleanupWaits }: MomentInput): Promise<string> {
  const path = `${folder}/${ctx.executionId}`;
  const part = (name: string): Part => ({ path, name });
  mark(ctx, path, 'body');
  try {
    if (moment === 'returning' || moment === 'throwing') await gate(path, 'go');
    if (moment === 'returning') return 'done';
    if (moment === 'throwing') throw new RangeError('no such page');
    await ctx.run(step, part('first'));
    if (moment === 'replaying' && ctx.attempt > 1) {
      mark(ctx, path, 'replays');
      await gate(path, 'go');
    }
    await MOMENTS[moment]?.(ctx, part);
    await ctx.run(step, part('after'));
    return 'done';
  } catch (error) {
    if (isCancelled(error)) {
      await ctx.shield(() => ctx.run(tidyUp, { ...part('cleanup'), waits: cleanupWaits === true }));
    }
    throw error;
  }
}

/** The workflows of this worker: one name for each of its audiences, so that a test says which worker gets what. */
const names = (process.env.TEST_MOMENTS ?? '').split(',').filter((name) => name !== '');
export const [first, second, third, fourth, fifth] = names.map((name) => workflow(name, body));
