import { createLogger, readWorkerSettings, startWorker, type RunningWorker } from '@flux/worker';
import { startOnBroker } from './broker.js';
import { environmentWith } from './environment.js';

/** Boots the worker that the environment describes; `overrides` come first, undefined ones not at all. */
export function bootWorker(
  overrides: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<RunningWorker> {
  const settings = readWorkerSettings(environmentWith(overrides));
  const connectionName = `flux-worker ${settings.FLUX_WORKER_NAME}`;
  const logger = createLogger(settings.FLUX_LOG_LEVEL);
  return startOnBroker(settings, connectionName, logger, (bus) =>
    startWorker({ settings, bus, logger, signal }),
  );
}
