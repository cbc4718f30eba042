import { workerName } from '@flux/contracts';
import { assertCanExist } from './failures.js';

/** @throws FluxError `WORKER_NOT_FOUND` for what no worker can be called */
export function assertWorkerName(name: string): void {
  const missing = `there is no worker '${name}': names are not like that`;
  const hint = "A worker's name is the part of its id before the @; GET /workers lists them.";
  assertCanExist(workerName.safeParse(name).success, 'WORKER_NOT_FOUND', missing, hint);
}

export function workerPath(name: string): string {
  assertWorkerName(name);
  return `/workers/${name}`;
}
