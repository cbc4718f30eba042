/** The exit codes of `flux`: scripts rely on them. */
export const EXIT = {
  done: 0,
  error: 1,
  /** The time ran out first; what was asked for goes on. */
  timedOut: 2,
  alreadyFinished: 3,
  /** No such execution, workflow or schedule. */
  notFound: 4,
  /** Some executions of a bulk cancel were not cancelled. */
  partlyFailed: 5,
  /** Ctrl-C: 128 and SIGINT's number, as shells have it. */
  interrupted: 130,
} as const;

const CODES_OF_THEIR_OWN: Readonly<Record<string, number>> = {
  WORKFLOW_NOT_FOUND: EXIT.notFound,
  EXECUTION_NOT_FOUND: EXIT.notFound,
  CANCELLATION_NOT_FOUND: EXIT.notFound,
  SCHEDULE_NOT_FOUND: EXIT.notFound,
  WORKER_NOT_FOUND: EXIT.notFound,
  EXECUTION_ALREADY_FINISHED: EXIT.alreadyFinished,
  CANCEL_ALREADY_DELIVERED: EXIT.alreadyFinished,
};

/** The exit code for an error code. */
export function exitCodeOf(errorCode: string): number {
  return CODES_OF_THEIR_OWN[errorCode] ?? EXIT.error;
}
