import { tlsFault } from '@flux/contracts';
import { FluxError } from '@flux/domain';

/** A reason for which a database does no work, whatever is asked of it. */
interface Trouble {
  /** SQLSTATEs. */
  readonly state: RegExp;
  readonly message: string;
  /** Absent: as for every database that does not answer. */
  readonly hint?: string;
}

const NO_ANSWER = 'the database does not answer';
const UNCHANGED = 'Nothing was changed: ask again then.';

const TROUBLES: readonly Trouble[] = [
  {
    state: /^25006$/,
    message: 'the database is read-only',
    hint: `It takes writes again once its failover is over; else let FLUX_DATABASE_URL name its primary. ${UNCHANGED}`,
  },
  {
    state: /^53100$/,
    message: 'the database has no room left on its disk',
    hint: `Make room there. ${UNCHANGED}`,
  },
  {
    state: /^53300$/,
    message: 'the database takes no more connections',
    hint: `Raise its max_connections, or run fewer servers: each takes 12. ${UNCHANGED}`,
  },
  { state: /^57P/, message: 'the database is being stopped or started' },
  {
    state: /^(28...|3D000|42501)$/,
    message: 'the database refuses the user of FLUX_DATABASE_URL',
    hint: `Give that user its password, its database and its rights. ${UNCHANGED}`,
  },
  {
    state: /^(3F000|42P01|42703)$/,
    message: "the database's schema is not this server's",
    hint: `Start a server of this version without --no-migrate. ${UNCHANGED}`,
  },
  { state: /^08/, message: NO_ANSWER },
  { state: /^(53|57|58|XX|0A000|26000|42P05)/, message: 'the database cannot do it now' },
];

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** The messages of pg and its pool that have no code. */
const CONNECTION_MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|connection error|after calling end|not currently accepting connections/;
/** SQLSTATE classes of statements that met another one: 40 is a lost deadlock or serialisation, 55 a lock. */
const CONFLICT_CLASS = /^(40|55)/;

/** Code and message of an error, of TypeORM's wrapping too. */
function describe(error: unknown): { code: string; message: string } {
  const { driverError } = error as { driverError?: unknown };
  const inner = (driverError ?? error) as { code?: unknown; message?: unknown };
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return { code: text(inner?.code), message: text(inner?.message) };
}

function troubleOf(error: unknown): Omit<Trouble, 'state'> | undefined {
  const { code, message } = describe(error);
  if (SOCKET_CODES.has(code) || CONNECTION_MESSAGES.test(message)) return { message: NO_ANSWER };
  return TROUBLES.find(({ state }) => state.test(code));
}

/** True when the database cannot be reached or can do no work now: nothing is wrong with the statement. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof FluxError) return error.code === 'DATABASE_UNAVAILABLE';
  return troubleOf(error) !== undefined;
}

/** True when a pooler gave the session of a prepared statement to others: nothing was carried out. */
export function isUnprepared(error: unknown): boolean {
  return /^(26000|42P05)$/.test(describe(error).code);
}

/** True when the same statement may well succeed later. */
export function isTransientError(error: unknown): boolean {
  return isConnectionError(error) || CONFLICT_CLASS.test(describe(error).code);
}

/**
 * The error to throw onwards: what the database could not do becomes FluxError `DATABASE_UNAVAILABLE`, which names the
 * SQLSTATE in its details, and others stay.
 */
export function mapDatabaseError(error: unknown): unknown {
  if (error instanceof FluxError) return error;
  const trouble = troubleOf(error);
  if (!trouble) return error;
  const { code } = describe(error);
  return new FluxError('DATABASE_UNAVAILABLE', trouble.message, {
    cause: error,
    ...(trouble.hint && { hint: trouble.hint }),
    ...(/^[0-9A-Z]{5}$/.test(code) && { details: { sqlState: code } }),
  });
}

/** SQLSTATEs of a database that is there and does not let us in: no such database, credentials, rights. */
const REFUSAL = /^(3D000|28...|42501)$/;
const NO_TLS = /does not support SSL connections/;
const STATEMENT_POOLING = /not allowed in statement pooling mode/;

/** The error to throw when the api cannot start: as {@link mapDatabaseError}, with the setting that has to be corrected. */
export function mapStartError(error: unknown): unknown {
  const { code, message } = describe(error);
  const invalid = (what: string, hint: string): FluxError =>
    new FluxError('INVALID_SETTINGS', what, { cause: error, hint });
  const fault = tlsFault(error, 'FLUX_DATABASE_URL');
  if (fault) return invalid(fault.message, fault.hint);
  if (NO_TLS.test(message)) {
    return invalid(
      'the database does not speak TLS',
      'Switch TLS on there, or take sslmode out of FLUX_DATABASE_URL.',
    );
  }
  if (STATEMENT_POOLING.test(message)) {
    return invalid(
      'the pooler of FLUX_DATABASE_URL takes no transactions',
      'Set its pool_mode to session or transaction.',
    );
  }
  if (REFUSAL.test(code)) {
    return invalid(
      `the database refuses the connection: ${message}`,
      /no encryption|SSL off/.test(message)
        ? 'Add ?sslmode=verify-full to FLUX_DATABASE_URL.'
        : 'Correct the user, the password and the database in FLUX_DATABASE_URL, or create what it names.',
    );
  }
  const mapped = mapDatabaseError(error);
  if (!(mapped instanceof FluxError) || mapped.message !== NO_ANSWER) return mapped;
  return new FluxError('DATABASE_UNAVAILABLE', NO_ANSWER, {
    cause: error,
    hint: 'Check that it runs and that FLUX_DATABASE_URL names it.',
  });
}
