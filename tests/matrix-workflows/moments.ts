import { pbkdf2, pbkdf2Sync } from 'node:crypto';
import { promisify } from 'node:util';
import { isCancelled, workflow, type CancelScope, type ChildOptions, type ExecutionContext } from '@flux/sdk';
import {
  awaitsProgram,
  deaf,
  fallsBack,
  flaky,
  gate,
  held,
  leavesProgram,
  mark,
  slowlyUndone,
  step,
  tidyUp,
  type Part,
} from './stage.js';

interface MomentInput {
  /** A folder of the test's; the execution's own files in it are named by its id. */
  readonly folder: string;
  readonly moment: string;
  /** Whether the cleanup waits until the test lets it end. */
  readonly cleanupWaits?: boolean;
  /** The child that the execution may start. */
  readonly child: { readonly workflowName: string; readonly executionId: string };
}

/** A key that takes minutes to derive. */
const LONG = ['word', 'salt', 100_000_000, 64, 'sha512'] as const;

type Moment = (ctx: ExecutionContext, part: (name: string) => Part, input: MomentInput) => unknown;

/** Waits for a child that stands in a task. */
const waitingFor =
  (onParentCancel: ChildOptions['onParentCancel']): Moment =>
  (ctx, _part, input) => {
    const { workflowName, executionId } = input.child;
    return ctx.call(workflowName, childInput(input), { executionId, onParentCancel });
  };

const childInput = (input: MomentInput): MomentInput => ({
  ...input,
  moment: 'in a task',
  cleanupWaits: false,
});

/** A task that does not listen is left to end when its scope is cut off by its own workflow. */
const inScope =
  (timeout: number | undefined): Moment =>
  (ctx, part) => {
    const { path, name } = part('scope');
    const run = async (scope: CancelScope): Promise<void> => {
      scope.signal.addEventListener('abort', () => mark(ctx, path, `${name} is cut off`));
      const running = ctx.run(deaf, part('scoped'));
      if (timeout === undefined) {
        await gate(path, 'scope');
        scope.cancel('enough');
      }
      await running;
    };
    return ctx.scope(run, timeout === undefined ? {} : { timeout });
  };

/** The moments of its life at which an execution can stand when the cancel comes. */
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
    // The loop has no end of its own: how long it takes until the cancel comes is up to the machine.
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
  'in a shield whose time is up': async (ctx, part) => {
    await ctx.shield(() => ctx.run(held, part('shielded')), { timeout: 6_000 }).catch(() => undefined);
    await gate(part('').path, 'shield');
  },
  'in a scope': (ctx, part) => ctx.scope(() => ctx.run(held, part('scoped'))),
  'in a scope that was cancelled': inScope(undefined),
  'in a scope whose time is up': inScope(100),
  'waiting for a child': waitingFor('wait'),
  'waiting for a child that is only asked': waitingFor('request'),
  'waiting for a child that is abandoned': waitingFor('abandon'),
  'beside a child': async (ctx, part, input) => {
    const { workflowName, executionId } = input.child;
    await ctx.start(workflowName, childInput(input), { executionId });
    await ctx.run(held, part('task'));
  },
  'with a handler': async (ctx, part) => {
    ctx.onCancel(async () => void (await ctx.run(tidyUp, { ...part('handler'), waits: false })));
    await ctx.run(held, part('task'));
  },
  'beside a program': (ctx, part) => ctx.run(leavesProgram, { ...part('task'), isApart: false }),
  'beside a program in a new session': (ctx, part) =>
    ctx.run(leavesProgram, { ...part('task'), isApart: true }),
  'in a program': (ctx, part) => ctx.run(awaitsProgram, { ...part('task'), isApart: false }),
  'in a program in a new session': (ctx, part) => ctx.run(awaitsProgram, { ...part('task'), isApart: true }),
  'in a busy loop': (ctx, part) => {
    mark(ctx, part('').path, 'busy');
    for (;;) {
      // Deliberately empty: the busiest loop there is.
    }
  },
  'in a native call': (ctx, part) => {
    mark(ctx, part('').path, 'busy');
    pbkdf2Sync(...LONG);
  },
  'in a job of the pool': (ctx, part) => {
    mark(ctx, part('').path, 'busy');
    return promisify(pbkdf2)(...LONG);
  },
  'crashing at the signal': async (ctx, part) => {
    ctx.signal.addEventListener('abort', () => {
      // As an addon does that reads where nothing is.
      if (ctx.attempt === 1) process.kill(process.pid, 'SIGSEGV');
    });
    await ctx.run(held, part('task'));
  },
};

/** The body of every moment: a step that can be undone, the moment, a step that must not come, and a cleanup. */
async function body(ctx: ExecutionContext, input: MomentInput): Promise<string> {
  const { folder, moment, cleanupWaits } = input;
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
    await MOMENTS[moment]?.(ctx, part, input);
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
