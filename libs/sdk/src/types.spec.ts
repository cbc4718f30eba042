import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import {
  isCancelled,
  task,
  workflow,
  type ExecutionContext,
  type TaskContext,
  type TaskInput,
  type TaskOutput,
  type WorkflowInput,
  type WorkflowOutput,
} from './index.js';

/** True only when A and B are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** @param _of values whose types are meant */
const check = <T extends true>(..._of: unknown[]): T => true as T;

const measure = task('measure', async (_ctx: TaskContext, url: string) => url.length);
const inferred = task('inferred', (_ctx, input: { a: number }) => input.a);
const bare = task('bare', async () => 'a' as const);
const schema = z.object({ urls: z.array(z.string()), depth: z.number().default(3) });

const crawl = workflow(
  'crawl',
  async (ctx: ExecutionContext, input: { urls: string[] }) => {
    try {
      return await ctx.map(measure, input.urls, { concurrency: 4 });
    } catch (error) {
      if (isCancelled(error)) await ctx.shield(() => ctx.run(bare));
      throw error;
    }
  },
  { gracePeriod: '10s', timeout: '1h', runner: 'shared', input: schema },
);
const fromSchema = workflow('from_schema', async (_ctx, input) => input.depth, { input: schema });
const untyped = workflow('untyped', async (ctx) => ctx.sleep('1h'));

const parse = task('parse', async (_ctx, text: string) => Number(text), {
  fallback: async (_ctx, text, error) => {
    check<Same<typeof text, string>>(text);
    check<Same<typeof error, unknown>>(error);
    return 0;
  },
  rollback: async (_ctx, text, output) => {
    check<Same<typeof text, string>>(text);
    check<Same<typeof output, number>>(output);
  },
  retry: { maxAttempts: 2, jitter: true, retryable: (error) => error instanceof RangeError },
});
const show = task('show', (_ctx, value: number) => ({ text: String(value) }));
const text = task('text', (_ctx, value: { text: string }) => value.text);

describe('inference', () => {
  test('inputs and outputs follow from the function and the schema', () => {
    check<Same<TaskInput<typeof measure>, string>>();
    check<Same<TaskOutput<typeof measure>, number>>();
    check<Same<TaskInput<typeof inferred>, { a: number }>>();
    check<Same<TaskOutput<typeof bare>, 'a'>>();
    check<Same<WorkflowOutput<typeof crawl>, number[]>>();
    check<Same<WorkflowInput<typeof fromSchema>, { urls: string[]; depth: number }>>();
    check<Same<WorkflowOutput<typeof untyped>, void>>();
    workflow('calls', async (ctx) => {
      await ctx.call(fromSchema, { urls: [] });
      // @ts-expect-error the schema wants texts
      await ctx.call(fromSchema, { urls: [1] });
    });
    const names = [crawl, fromSchema, untyped, measure, inferred, bare].map(({ name }) => name);
    expect(names).toEqual(['crawl', 'from_schema', 'untyped', 'measure', 'inferred', 'bare']);
  });

  test('options follow the task, and a pipeline its stages', () => {
    check<Same<TaskInput<typeof parse>, string>>();
    check<Same<TaskOutput<typeof parse>, number>>();
    workflow('pipes', async (ctx) => {
      const one = await ctx.pipeline('1', [parse]);
      check<Same<typeof one, number>>(one);
      const three = await ctx.pipeline('1', [parse, show, text]);
      check<Same<typeof three, string>>(three);
      const eight = await ctx.pipeline('1', [parse, show, text, parse, show, text, parse, show]);
      check<Same<typeof eight, { text: string }>>(eight);
      // @ts-expect-error the second stage takes a number
      await ctx.pipeline('1', [text, show]);
      // @ts-expect-error the first stage takes a string
      await ctx.pipeline(1, [parse, show]);
      const values = { at: ctx.now(), id: ctx.uuid(), chance: ctx.random() };
      check<Same<typeof values, { at: number; id: string; chance: number }>>(values);
    });
    // @ts-expect-error a fallback returns what the task does
    task('wrong', async (_ctx: TaskContext, url: string) => url.length, { fallback: async () => 'text' });
    expect(parse.retry.jitter).toBe(1);
  });

  test('a missing or wrong input does not compile', () => {
    workflow('wrong', async (ctx) => {
      // @ts-expect-error the input is missing
      await ctx.run(measure);
      // @ts-expect-error the input is a string
      await ctx.run(measure, 3);
    });
  });
});
