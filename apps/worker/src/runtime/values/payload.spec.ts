import { describe, expect, test } from '@jest/globals';
import { task, TaskError, workflow } from '@flux/sdk';
import { errorOf, Trial } from '../../testing/trial.js';

const maxPayloadBytes = 1000;
const text = (length: number): string => 'x'.repeat(length);
const make = task('make', async (_ctx, length: number) => ({ text: text(length) }));

describe('more JSON than is allowed', () => {
  test('of a task’s output fails that call, with the size', async () => {
    let caught: unknown;
    const flow = workflow('w', async (ctx) => {
      await ctx.run(make, 989);
      caught = await errorOf(ctx.run(make, 990));
      return 'went on';
    });
    expect((await new Trial(flow, { maxPayloadBytes }).finished).output).toBe('went on');
    expect(caught).toBeInstanceOf(TaskError);
    expect(caught).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      taskName: 'make',
      message: "the output of task 'make' is 1001 bytes of JSON, more than the 1000 that are allowed",
    });
  });

  test.each([
    ['the output', 'x', text(999), /^the output of the workflow is 1001 bytes/],
    ['a text of many bytes', 'x', 'é'.repeat(500), /^the output of the workflow is 1002 bytes/],
    ['the input', text(999), 'x', /^the input of the workflow is 1001 bytes/],
  ])('of a workflow, %s, fails it', async (_what, input, output, message) => {
    const trial = new Trial(async () => output, { maxPayloadBytes, input });
    expect(await trial.finished).toMatchObject({
      outcome: 'failed',
      output: null,
      error: { code: 'PAYLOAD_TOO_LARGE', message: expect.stringMatching(message) },
    });
  });

  test('is not what just fits', async () => {
    const trial = new Trial(async (_ctx, input: string) => input, { maxPayloadBytes, input: text(998) });
    expect((await trial.finished).output).toHaveLength(998);
  });
});
