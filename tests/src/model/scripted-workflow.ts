import {
  ChildCancelledError,
  ChildFailedError,
  isCancelled,
  task,
  TimeoutError,
  workflow,
  type AnyWorkflow,
  type ExecutionContext,
} from '@flux/sdk';
import type { ParentCancelPolicy } from '@flux/domain';

/** A step of a body, which takes its steps one after the other. */
export type Step =
  | { readonly do: 'task'; readonly ms: number; readonly obeys: boolean }
  /** Until it is cancelled, or killed if it does not obey. */
  | { readonly do: 'busy'; readonly obeys: boolean }
  | { readonly do: 'undoable'; readonly ms: number }
  | { readonly do: 'both'; readonly ms: number }
  | { readonly do: 'flaky'; readonly ms: number }
  | { readonly do: 'shielded'; readonly ms: number }
  | { readonly do: 'scoped'; readonly ms: number; readonly limitMs: number }
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'pause' }
  | ChildStep;

/** Another execution of the same workflow, waited for or not. */
export interface ChildStep {
  readonly do: 'call' | 'spawn';
  readonly script: Script;
  readonly onParentCancel: ParentCancelPolicy;
}

/** The input of the workflow: how its body goes, and what it makes of a cancel. */
export interface Script {
  readonly steps: readonly Step[];
  readonly end: 'returns' | 'throws';
  readonly handler: boolean;
  readonly cleanup: 'none' | 'task' | 'endless';
  readonly then: 'rethrows' | 'returns' | 'throws';
}

/** Code of an execution did something just now, which the world outside could see. */
export type Effect = (of: { readonly executionId: string; readonly attempt: number }, what: string) => void;

interface Work {
  readonly ms: number;
  readonly obeys: boolean;
}

const NAME = 'model';
/** How often code that goes on for long does something that can be seen. */
const TICK_MS = 70;

/** The tasks of the workflow. */
function tasksOf(effect: Effect) {
  const work = task('work', async (ctx, { ms, obeys }: Work) => {
    effect(ctx, 'work begins');
    await passing(ms, obeys ? ctx.signal : undefined, () => effect(ctx, 'work goes on'));
    effect(ctx, 'work ends');
    return ms;
  });
  const busy = task('busy', async (ctx, { obeys }: Pick<Work, 'obeys'>) => {
    effect(ctx, 'busy begins');
    await passing(Infinity, obeys ? ctx.signal : undefined, () => effect(ctx, 'busy goes on'));
  });
  const undoable = task(
    'undoable',
    async (ctx, { ms }: Work) => {
      effect(ctx, 'undoable begins');
      await passing(ms, ctx.signal);
      effect(ctx, 'undoable ends');
    },
    { rollback: async (ctx) => effect(ctx, 'undone') },
  );
  const flaky = task(
    'flaky',
    async (ctx, { ms }: Work) => {
      effect(ctx, 'flaky begins');
      await passing(ms, ctx.signal);
      throw new Error('always');
    },
    {
      retry: { maxAttempts: 2, delay: '30ms' },
      fallback: async (ctx) => effect(ctx, 'fallback'),
    },
  );
  const clean = task('clean', async (ctx) => {
    effect(ctx, 'cleanup begins');
    await passing(20, undefined);
    effect(ctx, 'cleanup ends');
  });
  return { work, busy, undoable, flaky, clean };
}

/** Does one step; `index` is its place in the script. */
async function perform(
  { work, busy, undoable, flaky }: ReturnType<typeof tasksOf>,
  ctx: ExecutionContext,
  step: Step,
  index: number,
): Promise<void> {
  const input = { ms: 'ms' in step ? step.ms : 0, obeys: true };
  switch (step.do) {
    case 'task':
      return void (await ctx.run(work, step));
    case 'busy':
      return ctx.run(busy, step);
    case 'undoable':
      return ctx.run(undoable, input);
    case 'flaky':
      return ctx.run(flaky, input);
    case 'both':
      return void (await Promise.all([ctx.run(work, input), ctx.run(work, { ...input, ms: 5 })]));
    case 'shielded':
      return void (await ctx.shield(() => ctx.run(work, input)));
    case 'scoped':
      return ctx
        .scope(() => ctx.run(work, input), { timeout: step.limitMs })
        .then(
          () => undefined,
          (error: unknown) => {
            if (!(error instanceof TimeoutError)) throw error;
          },
        );
    case 'sleep':
      return ctx.sleep(step.ms);
    case 'pause':
      return void (await ctx.pause('model'));
    case 'call':
      return ctx.call(NAME, step.script, childOptions(ctx, step, index)).then(
        () => undefined,
        (error: unknown) => {
          if (!(error instanceof ChildFailedError || error instanceof ChildCancelledError)) throw error;
        },
      );
    case 'spawn':
      return void (await ctx.start(NAME, step.script, childOptions(ctx, step, index)));
  }
}

/** The id is the same in every run: the partition of its checkpoints hangs on it. */
function childOptions({ executionId }: ExecutionContext, { onParentCancel }: ChildStep, index: number) {
  const parent = Number.parseInt(executionId.slice(-8), 16);
  const own = Math.imul(parent * 16 + index + 1, 0x9e_37_79_b1) >>> 0;
  const id = `01926a3e-0001-7000-8000-0000${own.toString(16).padStart(8, '0')}`;
  return { onParentCancel, executionId: id };
}

/** The workflow of the model; `effect` hears of everything that its code does. */
export function scriptedWorkflow(effect: Effect): AnyWorkflow {
  const tasks = tasksOf(effect);
  return workflow<Script>(NAME, async (ctx, script) => {
    effect(ctx, 'body begins');
    if (script.handler) ctx.onCancel(() => effect(ctx, 'handler'));
    try {
      for (const [index, step] of script.steps.entries()) await perform(tasks, ctx, step, index);
    } catch (error) {
      if (!isCancelled(error)) throw error;
      if (script.cleanup !== 'none') await ctx.shield(() => ctx.run(tasks.clean, undefined));
      if (script.cleanup === 'endless') {
        await ctx.shield(() => passing(Infinity, undefined, () => effect(ctx, 'cleanup goes on')));
      }
      if (script.then === 'returns') return 'in spite of it';
      throw script.then === 'throws' ? new Error('the cleanup is broken') : error;
    }
    effect(ctx, 'body ends');
    if (script.end === 'throws') throw new Error('the body is broken');
    return 'done';
  });
}

/** Resolves after `ms`, which may be `Infinity`, or rejects when `signal` aborts; until then `goesOn` again and again. */
function passing(ms: number, signal: AbortSignal | undefined, goesOn?: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const ticks = goesOn && setInterval(goesOn, TICK_MS);
    const end = (): void => {
      clearInterval(ticks);
      resolve();
    };
    const timer = ms === Infinity ? undefined : setTimeout(end, ms);
    const stop = (): void => {
      clearTimeout(timer);
      clearInterval(ticks);
      reject(signal?.reason as Error);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
