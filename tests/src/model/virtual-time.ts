import asyncHooks, { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import { World } from './world.js';

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  Date: globalThis.Date,
  now: Date.now.bind(Date),
  performanceNow: performance.now.bind(performance),
  bigint: process.hrtime.bigint.bind(process.hrtime),
  random: Math.random.bind(Math),
};

type Callback = (...args: unknown[]) => void;

/**
 * Every promise that can settle by itself has done so when this resolves: asked for in a microtask, a tick comes when no
 * microtask is left. A turn of the real event loop would do too, and take ten times as long.
 */
const drain = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/**
 * Puts clocks, timers and chance of this whole process under the control of worlds. Has to be done before any code is
 * loaded that is to run in one; what runs outside of a world's loops keeps the real ones.
 * @returns runs `work` in a world of its own, one after the other
 */
export function takeOverTime(): <T>(work: (world: World) => Promise<T>) => Promise<T> {
  let world: World | undefined;
  let chance = 0;
  replaceTimers(() => world);
  replaceClocks(() => world);
  Math.random = () => {
    if (!world) return real.random();
    chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) >>> 0;
    return chance / 2 ** 32;
  };
  const storage = shareLocalStorage();
  syncBuiltinESMExports();
  return async (work) => {
    world = new World(drain);
    chance = 1;
    try {
      return await work(world);
    } finally {
      world = undefined;
      storage.disable();
    }
  };
}

function replaceTimers(present: () => World | undefined): void {
  const start =
    (repeats: boolean, otherwise: (callback: Callback, delayMs?: number, ...args: unknown[]) => unknown) =>
    (callback: Callback, delayMs = 0, ...args: unknown[]): unknown => {
      const world = present();
      const loop = world?.current;
      if (!world || !loop) return otherwise(callback, delayMs, ...args);
      return loop.addTimer(
        args.length === 0 ? callback : () => callback(...args),
        world.now,
        delayMs,
        repeats,
      );
    };
  const clear =
    (otherwise: (timer: never) => void) =>
    (timer: unknown): void => {
      const loop = present()?.current;
      if (loop) loop.clear(timer);
      else otherwise(timer as never);
    };
  Object.assign(globalThis, {
    setTimeout: start(false, real.setTimeout),
    setInterval: start(true, real.setInterval),
    setImmediate: (callback: Callback, ...args: unknown[]): unknown =>
      present()?.current?.addImmediate(() => callback(...args)) ?? real.setImmediate(callback, ...args),
    clearTimeout: clear(real.clearTimeout),
    clearInterval: clear(real.clearInterval),
    clearImmediate: clear(real.clearImmediate),
  });
  Object.assign(timersPromises, { setTimeout: wait, setImmediate: turn });
}

function replaceClocks(present: () => World | undefined): void {
  const now = (): number => present()?.now ?? real.now();
  globalThis.Date = class extends real.Date {
    constructor(...args: [] | [number | string | Date]) {
      super(args.length === 0 ? now() : args[0]);
    }

    static override now = now;
  } as DateConstructor;
  performance.now = () => present()?.now ?? real.performanceNow();
  process.hrtime.bigint = () => {
    const world = present();
    return world ? BigInt(Math.round(world.now * 1e6)) : real.bigint();
  };
}

/**
 * Shares one store among all simulated runners, whose contexts never meet. Each store makes each promise of the
 * process dearer, and there is a new runner in each world.
 */
function shareLocalStorage(): AsyncLocalStorage<unknown> {
  const shared = new AsyncLocalStorage<unknown>();
  const stand = function stand(): AsyncLocalStorage<unknown> {
    return shared;
  };
  // The property has a getter alone from Node 26 on.
  Object.defineProperty(asyncHooks, 'AsyncLocalStorage', { value: stand });
  return shared;
}

/** `setTimeout` of `node:timers/promises`, on the timers that are the global ones at the time. */
function wait(delayMs: number, value?: unknown, options: { signal?: AbortSignal } = {}): Promise<unknown> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
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
  });
}

function turn(value?: unknown): Promise<unknown> {
  return new Promise((resolve) => setImmediate(() => resolve(value)));
}
