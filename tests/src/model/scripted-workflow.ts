import { isCancelled, task, workflow, type AnyWorkflow, type ExecutionContext } from '@flux/sdk';

/** What a body does, one after the other. */
export type Step =
  | { readonly do: 'task'; readonly ms: number; readonly obeys: boolean }
  | { readonly do: 'undoable'; readonly ms: number }
  | { readonly do: 'both'; readonly ms: number }
  | { readonly do: 'shielded'; readonly ms: number }
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'pause' };

/** The input of the workflow: how its body goes, and what it makes of a cancel. */
export interface Script {
  readonly steps: readonly Step[];
  readonly end: 'returns' | 'throws';
  readonly handler: boolean;
  readonly cleanup: 'none' | 'task' | 'endless';
  readonly then: 'rethrows' | 'returns' | 'throws';
}

/** Code of an execution did something just now, which the world outside could see. */
export type Effect = (of: Pick<ExecutionContext, 'executionId' | 'attempt'>, what: string) => void;

interface Work {
  readonly ms: number;
  readonly obeys: boolean;
}

/** The workflow of the model; `effect` hears of everything that its code does. */
export function scriptedWorkflow(effect: Effect): AnyWorkflow {
  const work = task('work', async (ctx, { ms, obeys }: Work) => {
    effect(ctx, 'work begins');
    await passing(ms, obeys ? ctx.signal : undefined);
    effect(ctx, 'work ends');
    return ms;
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
  const clean = task('clean', async (ctx) => {
    effect(ctx, 'cleanup begins');
    await passing(20, undefined);
    effect(ctx, 'cleanup ends');
  });

  async function perform(ctx: ExecutionContext, step: Step): Promise<void> {
    if (step.do === 'task') await ctx.run(work, step);
    else if (step.do === 'undoable') await ctx.run(undoable, { ms: step.ms, obeys: true });
    else if (step.do === 'sleep') await ctx.sleep(step.ms);
    else if (step.do === 'pause') await ctx.pause('model');
    else if (step.do === 'shielded') await ctx.shield(() => ctx.run(work, { ms: step.ms, obeys: true }));
    else {
      const input = { ms: step.ms, obeys: true };
      await Promise.all([ctx.run(work, input), ctx.run(work, { ...input, ms: 5 })]);
    }
  }

  return workflow<Script>('model', async (ctx, script) => {
    effect(ctx, 'body begins');
    if (script.handler) ctx.onCancel(() => effect(ctx, 'handler'));
    try {
      for (const step of script.steps) await perform(ctx, step);
    } catch (error) {
      if (!isCancelled(error)) throw error;
      if (script.cleanup !== 'none') await ctx.shield(() => ctx.run(clean, undefined));
      if (script.cleanup === 'endless') await ctx.shield(() => new Promise<never>(() => undefined));
      if (script.then === 'returns') return 'in spite of it';
      throw script.then === 'throws' ? new Error('the cleanup is broken') : error;
    }
    effect(ctx, 'body ends');
    if (script.end === 'throws') throw new Error('the body is broken');
    return 'done';
  });
}

/** Resolves after `ms`, or rejects when `signal` aborts. */
function passing(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
