import { apiSettings, createLogger, startApi, type RunningApi } from '@flux/api';
import { readSettings } from '@flux/contracts';
import { startOnBroker } from './broker.js';
import { environmentWith } from './environment.js';

/** Boots the api that the environment describes; `overrides` come first, undefined ones not at all. */
export function bootServer(
  overrides: Readonly<Record<string, string | undefined>>,
  migrate: boolean,
): Promise<RunningApi> {
  const settings = readSettings(apiSettings, environmentWith(overrides));
  const logger = createLogger(settings.FLUX_LOG_LEVEL);
  return startOnBroker(settings, 'flux-api', logger, (bus) => startApi({ settings, bus, logger, migrate }));
}
