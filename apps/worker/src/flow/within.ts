import { sleep } from '@flux/domain';

/** Resolves when `work` has settled or `limitMs` have passed; says whether it settled. Never rejects. */
export async function within(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const limit = new AbortController();
  const settled = work.then(
    () => true,
    () => true,
  );
  const late = sleep(limitMs, limit.signal).then(() => false);
  return Promise.race([settled, late]).finally(() => limit.abort());
}
