import { readWorkerSettings, startWorker, type RunningWorker } from '@flux/worker';
import { startOnBroker } from './broker.js';
import { environmentWith } from './environment.js';

/** Boots the worker that the environment describes; `overrides` come first, undefined ones not at all. */
export function bootWorker(
  overrides: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<RunningWorker> {
  const settings = readWorkerSettings(environmentWith(overrides));
  const connectionName = `flux-worker ${settings.FLUX_WORKER_NAME}`;
  return startOnBroker(settings, connectionName, (bus) => startWorker({ settings, bus, signal }));
}
