import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

const input = z.object({
  question: z.string().default('How tall is the Matterhorn?'),
  maxSteps: z.int().min(1).max(100).default(8),
});

type Thought = { readonly tool: string; readonly query: string } | { readonly answer: string };

interface Step {
  readonly tool: string;
  readonly query: string;
  readonly found: string;
}

/** Stands in for a model: looks things up, converts, then answers. It streams its words as progress. */
export const think = task(
  'think',
  async (
    ctx: TaskContext,
    { question, steps }: { question: string; steps: readonly Step[] },
  ): Promise<Thought> => {
    const words = `After ${steps.length} steps on "${question}" the next one is clear`.split(' ');
    for (let count = 1; count <= words.length; count += 1) {
      ctx.progress({ text: words.slice(0, count).join(' ') });
      await wait(15, undefined, { signal: ctx.signal });
    }
    if (steps.length === 0) return { tool: 'search', query: question };
    if (steps.length === 1) return { tool: 'convert', query: `${steps[0]?.found} in feet` };
    return { answer: steps.map(({ found }) => found).join(', that is ') };
  },
  { timeout: '1m', retry: { maxAttempts: 3, delay: '500ms', jitter: true } },
);

const TOOLS: Readonly<Record<string, string>> = { search: '4478 m', convert: '14692 ft' };

/** Calls a tool; its result is recorded, so that no replay calls it again. */
export const useTool = task(
  'use_tool',
  async (ctx: TaskContext, { tool, query }: { tool: string; query: string }) => {
    ctx.progress({ tool, query });
    await wait(30, undefined, { signal: ctx.signal });
    return { tool, query, found: TOOLS[tool] ?? 'nothing' };
  },
);

/**
 * Thinks and acts until there is an answer. Each turn is a checkpoint: a worker that dies costs one turn at most,
 * and a cancel stops the model in the middle of a word.
 */
export const agentLoop = workflow(
  'agent_loop',
  async (ctx: ExecutionContext, { question, maxSteps }: z.output<typeof input>) => {
    const startedAt = ctx.now();
    const steps: Step[] = [];
    while (steps.length < maxSteps) {
      const thought = await ctx.run(think, { question, steps: [...steps] });
      if ('answer' in thought) {
        return { answer: thought.answer, steps: steps.length, tookMs: ctx.now() - startedAt };
      }
      steps.push(await ctx.run(useTool, thought));
    }
    return { answer: null, steps: steps.length, tookMs: ctx.now() - startedAt };
  },
  { gracePeriod: '5s', input },
);
