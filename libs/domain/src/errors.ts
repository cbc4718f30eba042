/** Every error code Flux answers with; each has one meaning, on REST, on the command line and in logs. */
export const ERROR_CODES = [
  'WORKFLOW_NOT_FOUND',
  'EXECUTION_NOT_FOUND',
  'EXECUTION_ALREADY_FINISHED',
  'EXECUTION_CONFLICT',
  'EXECUTION_CANCELLING',
  'EXECUTION_NOT_CANCELLING',
  'CANCEL_ALREADY_DELIVERED',
  'PAUSE_PASSED',
  'PAUSE_NOT_NAMED',
  'TOO_MANY_RESUMES',
  'CANCELLATION_NOT_FOUND',
  'SCHEDULE_NOT_FOUND',
  'WORKER_NOT_FOUND',
  'SCHEDULE_CONFLICT',
  'INVALID_INPUT',
  'INPUT_CHECK_TOO_SLOW',
  'INVALID_REQUEST',
  'INVALID_DURATION',
  'MALFORMED_BODY',
  'PAYLOAD_TOO_LARGE',
  'VALUE_TOO_DEEP',
  'INVALID_JSON_NUMBER',
  'DUPLICATE_KEY',
  'UNSUPPORTED_MEDIA_TYPE',
  'ROUTE_NOT_FOUND',
  'DATABASE_UNAVAILABLE',
  'SERVER_STOPPING',
  'SERVER_BUSY',
  'SERVER_UNREACHABLE',
  'INVALID_SETTINGS',
  'INVALID_WORKFLOWS',
  'NON_DETERMINISTIC_WORKFLOW',
  'TASK_FAILED',
  'WORKFLOW_FAILED',
  'CHILD_FAILED',
  'CHILD_CANCELLED',
  'TREE_TOO_DEEP',
  'RUNNER_LOST',
  'EXECUTION_CANCELLED',
  'INTERNAL_ERROR',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface FluxErrorOptions {
  /** The reader's next step, one sentence. */
  readonly hint?: string;
  /** Facts for programs, such as the faulty fields or the final state; never secrets or inputs. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error with a code for programs and a hint for people; rendered once, where it leaves Flux. */
export class FluxError extends Error {
  override readonly name: string = 'FluxError';
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: FluxErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}
