/** Facts beside a log line; JSON values. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes to the worker's log, marked with the execution and its workflow. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** A program that was started, as `spawn`, `exec`, `execFile` and `fork` of `node:child_process` return it. */
export interface StartedProgram {
  readonly pid?: number | undefined;
}

export interface Context {
  readonly executionId: string;
  /** Rises by one with each worker that takes the execution over; fence your own systems with it. */
  readonly attempt: number;
  readonly log: Logger;
  /**
   * Lets a program live on when the execution ends, is cancelled or loses its worker, and whatever that program starts:
   * Flux ends all others. Its history says so (`program_ended`, `how: 'detached'`). Start it with `{ detached: true }` and
   * without pipes to this process, and in a task, which a replay does not run again.
   * @throws TypeError for anything but a program of this execution that runs, in a process group of its own
   */
  detach(program: StartedProgram): void;
}

/** The context of a task. */
export interface TaskContext extends Context {
  /** Aborts when the execution is cancelled, when the task's time is up, or when its workflow ends. */
  readonly signal: AbortSignal;
  /**
   * Tells whoever watches the execution live how far the task is; nothing of it is recorded. Of more than ten a
   * second only the latest goes out, and the last one always does.
   * @throws TypeError when the value cannot be recorded · FluxError `VALUE_TOO_DEEP` or `PAYLOAD_TOO_LARGE`
   */
  progress(value: unknown): void;
}
