import type { EventLoop } from './event-loop.js';
import { World } from './world.js';

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  Date: globalThis.Date,
  bigint: process.hrtime.bigint,
};

/**
 * Every promise that can settle by itself has done so when this resolves: asked for in a microtask, a tick comes when no
 * microtask is left. A turn of the real event loop would do too, and take ten times as long.
 */
const drain = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

type Callback = (...args: unknown[]) => void;

/**
 * Runs `work` in a world of its own: until it has settled, the code of a simulated process finds that world behind the
 * usual clocks and timers. What is in no simulated process keeps the real timers.
 */
export async function inWorld<T>(work: (world: World) => Promise<T>): Promise<T> {
  const world = new World(drain);
  replaceGlobals(world);
  try {
    return await work(world);
  } finally {
    restoreGlobals();
  }
}

function replaceGlobals(world: World): void {
  const start =
    (repeats: boolean, otherwise: (callback: Callback, delayMs?: number) => unknown) =>
    (callback: Callback, delayMs = 0, ...args: unknown[]): unknown =>
      world.current?.addTimer(() => callback(...args), world.now, delayMs, repeats) ??
      otherwise(() => callback(...args), delayMs);
  const immediate = (callback: Callback, ...args: unknown[]): unknown =>
    world.current?.addImmediate(() => callback(...args)) ?? real.setImmediate(callback, ...args);
  const clear =
    (otherwise: (timer: never) => void) =>
    (timer: unknown): void => {
      const { current } = world as { readonly current: EventLoop | undefined };
      if (current) current.clear(timer);
      else otherwise(timer as never);
    };
  Object.assign(globalThis, {
    setTimeout: start(false, real.setTimeout),
    setInterval: start(true, real.setInterval),
    setImmediate: immediate,
    clearTimeout: clear(real.clearTimeout),
    clearInterval: clear(real.clearInterval),
    clearImmediate: clear(real.clearImmediate),
    Date: virtualDate(world),
  });
  performance.now = () => world.now;
  process.hrtime.bigint = () => BigInt(Math.round(world.now * 1e6));
}

function restoreGlobals(): void {
  const { bigint, ...globals } = real;
  Object.assign(globalThis, globals);
  // The one of the prototype is back.
  delete (performance as { now?: unknown }).now;
  process.hrtime.bigint = bigint;
}

function virtualDate(world: World): DateConstructor {
  return class extends real.Date {
    constructor(...args: [] | [number | string | Date]) {
      super(args.length === 0 ? world.now : args[0]);
    }

    static override now(): number {
      return world.now;
    }
  } as DateConstructor;
}

/** `node:timers/promises` on the timers that are the global ones at the time. */
export const timersPromises = {
  setTimeout: (delayMs: number, value?: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(Object.assign(new Error('aborted'), { name: 'AbortError', code: 'ABORT_ERR' }));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve(value);
      }, delayMs);
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    }),
  setImmediate: (value?: unknown): Promise<unknown> =>
    new Promise((resolve) => setImmediate(() => resolve(value))),
};
