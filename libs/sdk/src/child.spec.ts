import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ChildCancelledError, ChildFailedError, isCancelled, workflow, type ChildHandle } from './index.js';

/** True only when A and B are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** @param _of values whose types are meant */
const check = <T extends true>(..._of: unknown[]): T => true as T;

const typed = workflow('typed', async (_ctx, input) => input.depth, {
  input: z.object({ url: z.string(), depth: z.number().default(3) }),
});
const bare = workflow('bare', async () => 'a' as const);

describe('ctx.call and ctx.start', () => {
  test('are typed by the workflow: its input as callers send it, its output', () => {
    const parent = workflow('parent', async (ctx) => {
      const depth = await ctx.call(typed, { url: 'x' });
      check<Same<typeof depth, number>>(depth);
      const word = await ctx.call(bare);
      check<Same<typeof word, 'a'>>(word);
      const handle = await ctx.start(typed, { url: 'x', depth: 1 }, { onParentCancel: 'request' });
      check<Same<typeof handle, ChildHandle<number>>>(handle);
      const foreign = await ctx.call<{ total: number }>('elsewhere', { any: 'thing' });
      check<Same<typeof foreign, { total: number }>>(foreign);
      // @ts-expect-error the input is missing
      await ctx.call(typed);
      // @ts-expect-error the url is a string
      await ctx.start(typed, { url: 3 });
      // @ts-expect-error no such policy
      await ctx.call(bare, undefined, { onParentCancel: 'kill' });
    });
    expect(parent.name).toBe('parent');
  });
});

describe('the errors of children', () => {
  const child = { workflowName: 'typed', executionId: '0192' };

  test('say which child and what became of it, and are no cancel of the parent', () => {
    const failed = new ChildFailedError(child, { name: 'RangeError', message: 'too deep' });
    const cancelled = new ChildCancelledError(child, { requestedBy: 'ada', reason: null, cause: 'bulk' });
    expect(failed).toMatchObject({ ...child, code: 'CHILD_FAILED', cause: { message: 'too deep' } });
    expect(failed.message).toBe('child typed 0192 failed: RangeError: too deep');
    expect(cancelled).toMatchObject({ ...child, code: 'CHILD_CANCELLED', requestedBy: 'ada', cause: 'bulk' });
    expect(cancelled.message).toBe('child typed 0192 was cancelled by ada');
    expect([failed, cancelled].map(isCancelled)).toEqual([false, false]);
  });
});
