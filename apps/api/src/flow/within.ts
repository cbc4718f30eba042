import { LongTimer } from '@flux/domain';

/**
 * Settles as `promise` does, or as `late()` after `milliseconds`. The timer is gone then; a rejection that comes later
 * is nobody's.
 */
export async function within<T, L>(milliseconds: number, promise: Promise<T>, late: () => L): Promise<T | L> {
  let timer: LongTimer | undefined;
  const limit = new Promise<void>((resolve) => (timer = new LongTimer(milliseconds, resolve)));
  promise.catch(() => undefined);
  return Promise.race([promise, limit.then(late)]).finally(() => timer?.clear());
}
