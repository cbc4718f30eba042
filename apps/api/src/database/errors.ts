import { FluxError } from '@flux/domain';

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** What pg and its pool say without a code. */
const CONNECTION_MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|connection error|after calling end|not currently accepting connections/;
/**
 * SQLSTATE classes of what goes away by itself: connection, resources, an operator's restart, system errors. 40 is
 * a lost deadlock or serialisation, 55 a lock.
 */
const TRANSIENT_CLASS = /^(08|40|53|55|57|58)/;
const CONNECTION_STATE = /^(08|57P|53300)/;

/** Code and message of an error, of TypeORM's wrapping too. */
function describe(error: unknown): { code: string; message: string } {
  const { driverError } = error as { driverError?: unknown };
  const inner = (driverError ?? error) as { code?: unknown; message?: unknown };
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return { code: text(inner?.code), message: text(inner?.message) };
}

/** True when the database cannot be reached or did not answer: nothing is wrong with the statement. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof FluxError) return error.code === 'DATABASE_UNAVAILABLE';
  const { code, message } = describe(error);
  return CONNECTION_CODES.has(code) || CONNECTION_STATE.test(code) || CONNECTION_MESSAGES.test(message);
}

/** True when the same statement may well succeed later. */
export function isTransientError(error: unknown): boolean {
  return isConnectionError(error) || TRANSIENT_CLASS.test(describe(error).code);
}

/** The error to throw onwards: connection errors become FluxError `DATABASE_UNAVAILABLE`, others stay. */
export function mapDatabaseError(error: unknown): unknown {
  if (error instanceof FluxError || !isConnectionError(error)) return error;
  return new FluxError('DATABASE_UNAVAILABLE', 'the database does not answer', { cause: error });
}

/** SQLSTATEs of a database that is there and does not let us in: no such database, credentials, rights. */
const REFUSAL = /^(3D000|28...|42501)$/;

/** The error to throw when the api cannot start: as {@link mapDatabaseError}, with the setting that has to be corrected. */
export function mapStartError(error: unknown): unknown {
  const { code, message } = describe(error);
  if (REFUSAL.test(code)) {
    return new FluxError('INVALID_SETTINGS', `the database refuses the connection: ${message}`, {
      cause: error,
      hint: 'Correct the user, the password and the database in FLUX_DATABASE_URL, or create what it names.',
    });
  }
  if (!isConnectionError(error)) return error;
  return new FluxError('DATABASE_UNAVAILABLE', 'the database does not answer', {
    cause: error,
    hint: 'Check that it runs and that FLUX_DATABASE_URL names it.',
  });
}
