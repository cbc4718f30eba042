/** Why the embedded PostgreSQL could not be started. */
export type EmbeddedPostgresErrorCode =
  | 'DATA_DIR_IN_USE'
  | 'DATA_DIR_NOT_WRITABLE'
  | 'DATA_DIR_UNREACHABLE'
  | 'DATA_DIR_FULL'
  | 'DATA_DIR_VERSION_MISMATCH'
  | 'DATA_DIR_PASSWORD_MISSING'
  | 'DATABASE_NOT_AVAILABLE'
  | 'DATABASE_START_FAILED';

/** The only error `startEmbeddedPostgres` rejects with; `hint` says what the user can do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  readonly hint: string;

  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    message: string,
    options: ErrorOptions & { readonly hint: string },
  ) {
    super(message, options);
    this.hint = options.hint;
  }
}

const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG']);
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Turns whatever went wrong below `dataDir` into an error with code and hint. */
export function toEmbeddedPostgresError(cause: unknown, dataDir: string): EmbeddedPostgresError {
  if (cause instanceof EmbeddedPostgresError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (FULL.has(code) || message.includes('No space left on device')) {
    return new EmbeddedPostgresError(
      'DATA_DIR_FULL',
      `No space is left for the data folder ${dataDir}: ${message}`,
      { hint: 'Free some space (200 MB to begin with) or choose another folder with --data.', cause },
    );
  }
  if (NOT_WRITABLE.has(code)) {
    return new EmbeddedPostgresError(
      'DATA_DIR_NOT_WRITABLE',
      `The data folder ${dataDir} cannot be written: ${message}`,
      { hint: 'Choose a folder that you may write with --data.', cause },
    );
  }
  return new EmbeddedPostgresError(
    'DATABASE_START_FAILED',
    `The embedded PostgreSQL did not start: ${message}`,
    {
      hint: 'Its own words are in the message. A PostgreSQL of your own can be used instead: set FLUX_DATABASE_URL.',
      cause,
    },
  );
}
