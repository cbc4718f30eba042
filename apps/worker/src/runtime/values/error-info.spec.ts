import { describe, expect, it } from '@jest/globals';
import { task, TaskError, workflow } from '@flux/sdk';
import { errorOf, Trial } from '../../testing/trial.js';
import { errorInfo } from './error-info.js';

class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly request = new (class Socket {})();
  constructor(readonly status: number) {
    super(`answered ${status}`);
  }
}

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), {
  code: 'ECONNREFUSED',
  errno: -111,
  port: 9,
});
const failed = new TypeError('fetch failed', { cause: refused });

/** What is thrown, and what of it the catching body sees. */
const THROWN: [string, unknown, object][] = [
  [
    'an error with a cause',
    failed,
    { message: 'fetch failed', name: 'TypeError', cause: { code: 'ECONNREFUSED', errno: -111, port: 9 } },
  ],
  ['fields of its own', new HttpError(503), { name: 'HttpError', status: 503, code: undefined }],
  [
    'an AggregateError',
    new AggregateError([failed, new HttpError(404)], 'all failed'),
    { errors: [{ cause: { code: 'ECONNREFUSED' } }, { status: 404 }] },
  ],
  ['a code that is a number', Object.assign(new Error('x'), { code: 14 }), { code: 14 }],
  ['a thrown object', { status: 409, errors: ['taken'] }, { status: 409, errors: ['taken'] }],
  ['a thrown text', 'no', { message: "thrown: 'no'" }],
  [
    'a cause that is no error',
    new Error('x', { cause: { at: 5 } }),
    { cause: { message: '{ at: 5 }', at: 5 } },
  ],
];

const shown = (error: unknown): unknown => {
  const { cause, errors, ...own } = error as Error & { errors?: unknown };
  const inner = Array.isArray(errors) && errors[0] instanceof Error ? errors.map(shown) : errors;
  const { message, stack } = error as Error;
  return { ...own, message, stack, errors: inner, cause: cause instanceof Error ? shown(cause) : cause };
};

describe('the error of a task', () => {
  it.each(THROWN)('keeps %s, live and in a replay alike', async (_what, thrown, kept) => {
    const caught: unknown[] = [];
    const failing = task('failing', () => Promise.reject(thrown as Error));
    const flow = workflow('w', async (ctx) => void caught.push(await errorOf(ctx.run(failing))));
    const first = new Trial(flow);
    await first.finished;
    await new Trial(flow, { history: JSON.parse(JSON.stringify(first.history)) as never }).finished;
    for (const error of caught) {
      expect(error).toBeInstanceOf(TaskError);
      expect(error).toMatchObject({ taskName: 'failing', ...kept });
    }
    expect(caught).toHaveLength(2);
    expect(shown(caught[1])).toEqual(shown(caught[0]));
  });

  it('does not let fields of the task’s error take the place of its own', async () => {
    const odd = Object.assign(new Error('x'), {
      taskName: 'other',
      toString: 'text',
      errors: 5,
      stack: 'mine',
    });
    const failing = task('failing', () => Promise.reject(odd));
    const flow = workflow('w', async (ctx) =>
      errorOf(ctx.run(failing)).then((error) => [(error as TaskError).taskName, String(error)]),
    );
    expect((await new Trial(flow).finished).output).toEqual(['failing', 'Error: x']);
  });

  it('is told in the end of a workflow that lets it out, with its causes', async () => {
    const failing = task('failing', () => Promise.reject(failed));
    const { error } = await new Trial(workflow('w', (ctx) => ctx.run(failing))).finished;
    expect(error).toMatchObject({
      code: 'TASK_FAILED',
      message: 'fetch failed',
      cause: { code: 'ECONNREFUSED', fields: { errno: -111, port: 9 } },
      fields: { taskName: 'failing' },
    });
  });
});

describe('the record of an error', () => {
  it('keeps the own code beside that of Flux', () => {
    const info = errorInfo(Object.assign(new Error('x'), { code: 'E_MINE' }), 'WORKFLOW_FAILED');
    expect(info).toMatchObject({ code: 'WORKFLOW_FAILED', fields: { code: 'E_MINE' } });
  });

  it.each([
    ['its message', (bomb: unknown) => Object.assign(new Error('x'), { message: bomb })],
    ['its name', (bomb: unknown) => Object.assign(new Error('x'), { name: bomb })],
    ['what was thrown', (bomb: unknown) => bomb],
  ])('is there at once where %s, written out, would have no end that is near', (_what, make) => {
    let bomb: unknown = [];
    for (let level = 0; level < 60; level += 1) bomb = [bomb, bomb];
    expect(JSON.stringify(errorInfo(make(bomb))).length).toBeLessThan(50_000);
  });

  it('is bounded in all directions', () => {
    let chain = new Error('the last');
    for (let each = 0; each < 100; each += 1) chain = new Error('x'.repeat(100_000), { cause: chain });
    const many = Array.from(
      { length: 10_000 },
      (_, index) => chain && new Error(String(index), { cause: chain }),
    );
    const all = Object.assign(new AggregateError(many, 'y'.repeat(100_000), { cause: chain }), {
      deep: { a: { b: { c: { d: { e: 1 } } } } },
      list: many.map(String),
      text: 'z'.repeat(100_000),
    });
    const text = JSON.stringify(errorInfo(all));
    expect(text.length).toBeLessThan(150_000);
    const { cause, errors = [], fields } = errorInfo(all);
    expect(cause?.cause?.cause?.cause?.cause?.message).toMatch(/^x/);
    expect(cause?.cause?.cause?.cause?.cause?.cause).toBeUndefined();
    expect(errors.length).toBeLessThan(12);
    expect(fields?.['deep']).toEqual({ a: { b: {} } });
  });

  it('masks what is secret by its key', () => {
    const config = {
      url: '/a',
      headers: { Authorization: 'Bearer x', accept: '*' },
      auth: { password: 'y' },
    };
    const info = errorInfo(Object.assign(new Error('x'), { config, apiKey: 'z', cookies: ['c'] }));
    expect(info.fields).toEqual({
      config: {
        url: '/a',
        headers: { Authorization: '[masked]', accept: '*' },
        auth: { password: '[masked]' },
      },
      apiKey: '[masked]',
      cookies: '[masked]',
    });
    expect(errorInfo({ token: 'secret words' }).message).toBe("thrown: { token: '[masked]' }");
  });

  it('does not end in half a character', () => {
    expect(errorInfo(new Error('😀'.repeat(10_000))).message).toMatch(/😀…$/u);
    expect(errorInfo(new Error(`x${'😀'.repeat(10_000)}`)).message).toMatch(/😀…$/u);
  });
});
