import { inspect } from 'node:util';
import { task, workflow, type ExecutionContext } from '@flux/sdk';

interface Wish {
  readonly kind: 'lists' | 'objects' | 'maps' | 'causes' | 'text';
  readonly size: number;
  /** The way by which the value leaves the code. */
  readonly door: 'task' | 'output' | 'child' | 'error' | 'progress' | 'log';
}

const AROUND = {
  lists: (inner: unknown) => [inner],
  objects: (inner: unknown) => ({ a: inner }),
  maps: (inner: unknown) => new Map([['a', inner]]),
  causes: (inner: unknown) => new Error('outer', { cause: inner }),
};

function make({ kind, size }: Wish): unknown {
  if (kind === 'text') return 'half \ud83d, NUL \0';
  let value: unknown = 'inmost';
  for (let level = 0; level < size; level += 1) value = AROUND[kind](value);
  return value;
}

const making = task('making', (ctx, wish: Wish) => {
  const value = make(wish);
  if (wish.door === 'error') throw Object.assign(new Error('with it', { cause: value }), { value });
  if (wish.door === 'progress') ctx.progress(value);
  if (wish.door === 'log') ctx.log.info('a value', { value });
  return Promise.resolve(wish.door === 'task' ? value : null);
});

/** Lets a value out by a door. */
export const letOut = workflow('let_out', async (ctx: ExecutionContext, wish: Wish) => {
  if (wish.door === 'output') return make(wish);
  if (wish.door === 'child') return ctx.call('show_input', make(wish));
  return ctx.run(making, wish);
});

/** Tells what its input is, in the words of Node. */
export const showInput = workflow('show_input', async (_ctx: ExecutionContext, input: unknown) => [
  inspect(input, { depth: 5, sorted: true, breakLength: Infinity }),
  input,
]);

/** Hands everything to a child that JSON has no word for. */
export const handDown = workflow('hand_down', async (ctx: ExecutionContext) => {
  const input = {
    map: new Map([[{ a: 1 }, new Set([1n])]]),
    when: new Date(0),
    bytes: Buffer.from('hi'),
    odd: [undefined, NaN, -0, Infinity],
    pattern: /a+/giu,
    gone: undefined,
  };
  const [shown, output] = await ctx.call<[string, unknown]>('show_input', input);
  const again = inspect(output, { depth: 5, sorted: true, breakLength: Infinity });
  return { shown, isSame: again === shown };
});

/** Asks an address that nobody answers at. */
export const ask = workflow('ask', async (ctx: ExecutionContext, url: string) => {
  const asking = task('asking', async () => (await fetch(url)).status);
  const caught: unknown = await ctx.run(asking).catch((error: unknown) => error);
  await ctx.sleep('10ms');
  throw caught;
});

export const outOfStock = workflow('out_of_stock', () => {
  throw Object.assign(new Error('no stock'), { code: 'OUT_OF_STOCK', sku: 4711 });
});

/** Hands its child's error on, if that is the one that the child threw. */
export const soldOut = workflow('sold_out', async (ctx: ExecutionContext) => {
  try {
    return await ctx.call(outOfStock);
  } catch (error) {
    const { cause } = error as { cause: Error & { code: string; sku: number } };
    if (!(cause instanceof Error) || cause.code !== 'OUT_OF_STOCK' || cause.sku !== 4711)
      return 'another error';
    throw error;
  }
});
