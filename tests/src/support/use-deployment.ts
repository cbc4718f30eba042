import { afterAll, beforeAll } from '@jest/globals';
import { deploy, PATIENCE_MS, type Deployment } from './deployment.js';

/** Servers and workers start and end one after the other. */
const HOOK_MS = 4 * PATIENCE_MS;

type Verb = (...parameters: unknown[]) => unknown;

/**
 * What `start` starts, up before the first test of the file and gone after the last. The verbs of the parts named in
 * `early` may be taken out before it is up.
 */
export function useStarted<T extends { close(): Promise<void> }>(
  start: () => Promise<T>,
  ...early: readonly (keyof T)[]
): T {
  let started: T | undefined;
  beforeAll(async () => {
    started = await start();
  }, HOOK_MS);
  afterAll(() => started?.close(), HOOK_MS);
  const present = (): T => {
    if (!started) throw new Error('what the tests need is up from the first hook and test on');
    return started;
  };
  const memberOf = (part: keyof T, name: string | symbol): unknown => {
    const member = (): unknown => Reflect.get(present()[part] as object, name);
    if (started && typeof member() !== 'function') return member();
    return (...given: unknown[]) => (member() as Verb).apply(present()[part], given);
  };
  const parts = new Map<string | symbol, object>(
    early.map((part) => [String(part), new Proxy({}, { get: (_, name) => memberOf(part, name) })]),
  );
  return new Proxy({} as T, {
    get: (_, name) => parts.get(name) ?? (Reflect.get(present(), name) as unknown),
  });
}

/** The deployment that `deploy` starts. */
export const useDeployment = (...parameters: Parameters<typeof deploy>): Deployment =>
  useStarted(() => deploy(...parameters), 'rest');
