import { describe, expect, it, jest } from '@jest/globals';
import { FluxError } from '@flux/domain';
import { isTransientError, mapDatabaseError, mapStartError } from './errors.js';
import { Outage } from './outage.js';

const postgres = (code: string, message = 'as the server says it'): Error =>
  Object.assign(new Error(message), { code });

describe('an error of the database', () => {
  it.each([
    ['25006', /read-only/],
    ['53100', /no room/],
    ['53200', /cannot do it now/],
    ['53300', /no more connections/],
    ['57P01', /stopped or started/],
    ['57P03', /stopped or started/],
    ['57014', /cannot do it now/],
    ['58030', /cannot do it now/],
    ['XX001', /cannot do it now/],
    ['28P01', /refuses the user/],
    ['42501', /refuses the user/],
    ['42P01', /schema/],
    ['08006', /does not answer/],
  ])('%s is what the database cannot do: 503, and waited for', (code, message) => {
    const wrapped = Object.assign(new Error('wrapped'), { driverError: postgres(code) });
    for (const error of [postgres(code), wrapped]) {
      const mapped = mapDatabaseError(error);
      expect(mapped).toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
        message: expect.stringMatching(message),
        details: { sqlState: code },
      });
      expect(isTransientError(mapped)).toBe(true);
    }
  });

  it.each(['40001', '40P01', '55P03'])('%s is of two statements, and may succeed later', (code) => {
    const error = postgres(code);
    expect(mapDatabaseError(error)).toBe(error);
    expect(isTransientError(error)).toBe(true);
  });

  it.each(['22021', '22P05', '23505', '42601', '54001'])('%s is the fault of what was sent', (code) => {
    const error = postgres(code);
    expect(mapDatabaseError(error)).toBe(error);
    expect(isTransientError(error)).toBe(false);
  });
});

describe('a server that cannot start', () => {
  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', /not trusted/, /NODE_EXTRA_CA_CERTS/],
    ['CERT_HAS_EXPIRED', 'certificate has expired', /out of date/, /Renew/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'does not match', /another host/, /name a host/],
    ['', 'The server does not support SSL connections', /does not speak TLS/, /sslmode/],
    ['EPROTO', 'wrong version number', /does not speak TLS/, /port/],
    ['08P01', 'transaction blocks not allowed in statement pooling mode', /no transactions/, /pool_mode/],
    ['28000', 'no pg_hba.conf entry for host "1", no encryption', /refuses/, /sslmode=verify-full/],
    ['28P01', 'password authentication failed', /refuses/, /password/],
  ])('over TLS fault %s names what to set', (code, said, message, hint) => {
    expect(mapStartError(postgres(code, said))).toMatchObject({
      code: 'INVALID_SETTINGS',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});

describe('an outage', () => {
  const unavailable = (sqlState: string) =>
    new FluxError('DATABASE_UNAVAILABLE', `it is ${sqlState}`, { details: { sqlState } });

  it.each([
    ['25006', 4_000],
    ['08006', 500],
  ])('%s is told once when it begins and once when it is over', (sqlState, settleMs) => {
    jest.useFakeTimers();
    const log = { error: jest.fn(), info: jest.fn() };
    const outage = new Outage(log);
    outage.done();
    for (let failure = 0; failure < 5; failure += 1) {
      outage.met(unavailable(sqlState));
      jest.advanceTimersByTime(settleMs - 1);
      // A read succeeds where a write does not.
      outage.done();
      expect(outage.reason).toBe(`it is ${sqlState}`);
    }
    jest.advanceTimersByTime(1);
    outage.done();
    outage.done();
    expect(outage.reason).toBeUndefined();
    expect([log.error.mock.calls.length, log.info.mock.calls.length]).toEqual([1, 1]);
    jest.useRealTimers();
  });

  it('is not made of one slow statement', () => {
    const outage = new Outage();
    outage.met(unavailable('57014'));
    expect(outage.reason).toBeUndefined();
  });
});
