import { apiSettings, startApi, type RunningApi } from '@flux/api';
import { readSettings } from '@flux/contracts';
import { startOnBroker } from './broker.js';
import { environmentWith } from './environment.js';

/** Boots the api that the environment describes; `overrides` come first, undefined ones not at all. */
export function bootServer(
  overrides: Readonly<Record<string, string | undefined>>,
  migrate: boolean,
): Promise<RunningApi> {
  const settings = readSettings(apiSettings, environmentWith(overrides));
  return startOnBroker(settings, 'flux-api', (bus) => startApi({ settings, bus, migrate }));
}
