import { setTimeout as sleep } from 'node:timers/promises';

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Asks `read` again and again; resolves with its first truthy answer.
 * @throws Error that names `what`, `limitMs` (30 s unless given) after the call
 */
export async function until<T>(
  what: string,
  read: () => T | Promise<T>,
  limitMs = 30_000,
  everyMs = 20,
): Promise<Truthy<T>> {
  for (const limit = performance.now() + limitMs; ; await sleep(everyMs)) {
    const answer = await read();
    if (answer) return answer as Truthy<T>;
    if (performance.now() > limit) throw new Error(`waited ${limitMs} ms for ${what}`);
  }
}

/** Asks `read` until it finds nothing; resolves with what it still finds `limitMs` after the call. */
export async function leftAfter<T>(limitMs: number, read: () => Promise<T[]>): Promise<T[]> {
  for (const limit = performance.now() + limitMs; ; await sleep(50)) {
    const found = await read();
    if (found.length === 0 || performance.now() > limit) return found;
  }
}
