import { describe, expect, test } from '@jest/globals';
import { readSettings } from '@flux/contracts';
import type { FluxError } from '@flux/domain';
import { apiSettings, embeddedApiSettings, isLoopback } from './settings.js';

const GOOD = {
  FLUX_DATABASE_URL: 'postgresql://flux@localhost/flux',
  FLUX_AMQP_URL: 'amqp://localhost',
};

function faultsOf(environment: Record<string, string>): string[] {
  try {
    readSettings(apiSettings, environment);
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_SETTINGS' });
    return (error as FluxError).details['faults'] as string[];
  }
  return [];
}

test('defaults', () => {
  expect(readSettings(apiSettings, GOOD)).toEqual({
    ...GOOD,
    FLUX_HOST: '127.0.0.1',
    FLUX_PORT: 8000,
    FLUX_NAMESPACE: 'flux',
    FLUX_GRACE_PERIOD: 10_000,
    FLUX_MAX_DEPTH: 100,
    FLUX_LEASE: 15_000,
    FLUX_HEARTBEAT: 5000,
    FLUX_MAX_INPUT: 1024 ** 2,
    FLUX_INPUT_CHECK_TIMEOUT: 1000,
    FLUX_API_RESPONSE_MEMORY: 64 * 1024 ** 2,
    FLUX_LOG_LEVEL: 'info',
    FLUX_ALLOW_ANONYMOUS: false,
  });
  expect(readSettings(embeddedApiSettings, { FLUX_PORT: '0' })).toMatchObject({ FLUX_PORT: 0 });
});

test('every fault is named at once, without values', () => {
  const faults = faultsOf({
    FLUX_DATABASE_URL: 'mysql://user:secret@host/db',
    FLUX_HOST: '0.0.0.0',
    FLUX_PORT: '70000',
    FLUX_LEASE: '10s',
    FLUX_HEARTBEAT: '5s',
    FLUX_MAX_INPUT: 'big',
    FLUX_INPUT_CHECK_TIMEOUT: '0s',
    FLUX_LOG_LEVEL: 'loud',
  });
  const names = faults.map((fault) => fault.split(/[: ]/)[0]).sort();
  expect(names).toEqual([
    'FLUX_AMQP_URL',
    'FLUX_DATABASE_URL',
    'FLUX_HEARTBEAT',
    'FLUX_HOST',
    'FLUX_INPUT_CHECK_TIMEOUT',
    'FLUX_LOG_LEVEL',
    'FLUX_MAX_INPUT',
    'FLUX_PORT',
  ]);
  expect(faults.join()).not.toContain('secret');
});

describe('an open address', () => {
  test.each(['0.0.0.0', '::', '192.168.0.4', 'flux.internal', '0', '127.evil.example'])(
    '%s is refused',
    (host) => {
      const [fault] = faultsOf({ ...GOOD, FLUX_HOST: host });
      expect(fault).toContain('FLUX_HOST');
      expect(fault).toContain('no API keys');
      expect(fault).toContain('FLUX_ALLOW_ANONYMOUS=true');
      expect(faultsOf({ ...GOOD, FLUX_HOST: host, FLUX_ALLOW_ANONYMOUS: 'true' })).toEqual([]);
    },
  );

  test.each(['localhost', '::1', '127.0.0.1', '127.8.9.10'])('%s is not one', (host) => {
    expect(isLoopback(host)).toBe(true);
    expect(faultsOf({ ...GOOD, FLUX_HOST: host })).toEqual([]);
  });
});

test.each(['x', '-1', '1.5', '0x10', '65536'])('port %s is refused', (port) => {
  expect(faultsOf({ ...GOOD, FLUX_PORT: port })).toHaveLength(1);
});
