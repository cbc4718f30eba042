import { apiSettings, startApi, type RunningApi } from '@flux/api';
import { readSettings } from '@flux/contracts';
import { startOnBroker } from './broker.js';

/** Boots the api that the environment describes; `overrides` come first, undefined ones not at all. */
export function bootServer(
  overrides: Readonly<Record<string, string | undefined>>,
  migrate: boolean,
): Promise<RunningApi> {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  const settings = readSettings(apiSettings, { ...process.env, ...Object.fromEntries(given) });
  return startOnBroker(settings, 'flux-api', (bus) => startApi({ settings, bus, migrate }));
}
