import { describe, expect, test } from '@jest/globals';
import { workflow } from '@flux/sdk';
import { z } from 'zod';
import { done, Trial } from '../testing/trial.js';

const input = z.object({
  at: z.coerce.date(),
  name: z.string().trim().length(3),
  size: z.number().default(7),
  even: z
    .number()
    .refine((value) => value % 2 === 0, 'is odd')
    .optional(),
});

describe('the input of a body', () => {
  test('is what its schema makes of it, at each attempt, so that a replay meets the same', async () => {
    const seen: unknown[] = [];
    const flow = workflow(
      'w',
      async (ctx, given) => {
        seen.push(given);
        return [given.at.toISOString(), ctx.now()];
      },
      { input },
    );
    const raw = { at: '2026-11-28T00:00:00Z', name: ' abc ' };
    const first = new Trial(flow, { input: raw });
    const { output } = await first.finished;
    const history = first.events.flatMap((event) => (event.type === 'value_recorded' ? [event] : []));
    expect(history).toHaveLength(1);
    expect((await new Trial(flow, { input: raw, history }).finished).output).toEqual(output);
    expect(seen).toEqual(Array(2).fill({ at: new Date('2026-11-28T00:00:00Z'), name: 'abc', size: 7 }));
  });

  test('that the schema refuses ends the execution, with the fields, before the body runs', async () => {
    let runs = 0;
    const flow = workflow('w', () => (runs += 1), { input });
    const refused = { at: 0, name: 'abcd', even: 3 };
    for (const history of [[], [done('double#0', 2)]]) {
      expect(await new Trial(flow, { input: refused, history }).finished).toMatchObject({
        outcome: 'failed',
        error: {
          code: 'INVALID_INPUT',
          message: expect.stringMatching(/^the input does not fit the schema: name: [^;]+; even: is odd$/),
        },
      });
    }
    expect(runs).toBe(0);
  });
});
