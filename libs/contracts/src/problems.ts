import type { ErrorCode } from '@flux/domain';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** The next step, for when the error itself gives no better hint. */
  readonly hint: string;
}

/** The HTTP face of each error code that the API answers with. */
export const PROBLEMS: Readonly<Record<ErrorCode, ProblemKind>> = {
  WORKFLOW_NOT_FOUND: {
    status: 404,
    title: 'No such workflow',
    hint: 'List the workflows with GET /workflows; a workflow is known once a worker that has it has started.',
  },
  EXECUTION_NOT_FOUND: {
    status: 404,
    title: 'No such execution',
    hint: 'Check the workflow name and the execution id; GET /executions lists them.',
  },
  EXECUTION_ALREADY_FINISHED: {
    status: 409,
    title: 'The execution has already finished',
    hint: 'There is nothing left to do; read its status for the result.',
  },
  EXECUTION_CANCELLING: {
    status: 409,
    title: 'The execution is being cancelled',
    hint: 'A cancel is under way and wins; wait for CANCELLED.',
  },
  EXECUTION_NOT_CANCELLING: {
    status: 409,
    title: 'No cancel is under way',
    hint: 'There is nothing to take back; read its history for what became of it.',
  },
  CANCEL_ALREADY_DELIVERED: {
    status: 409,
    title: 'The cancel has been delivered',
    hint: 'It cannot be taken back any more; start the workflow again once it is CANCELLED.',
  },
  PAUSE_PASSED: {
    status: 409,
    title: 'That pause is over',
    hint: 'It was resumed before; read the status for the pause that the execution waits in now.',
  },
  PAUSE_NOT_NAMED: {
    status: 409,
    title: 'It is not told which pause is meant',
    hint: 'The execution waits in no pause now, and the last one is over: name the one that you mean with pause.',
  },
  TOO_MANY_RESUMES: {
    status: 409,
    title: 'Too many resumes are kept',
    hint: 'Send the others once the execution waits in their pauses, or pass references to large values.',
  },
  CANCELLATION_NOT_FOUND: {
    status: 404,
    title: 'No such bulk cancel',
    hint: 'Check the id; GET /cancellations lists them.',
  },
  SCHEDULE_NOT_FOUND: {
    status: 404,
    title: 'No such schedule',
    hint: 'List the schedules with GET /schedules.',
  },
  WORKER_NOT_FOUND: {
    status: 404,
    title: 'No such worker',
    hint: "List the workers with GET /workers; a worker's name is the part of its id before the @.",
  },
  SCHEDULE_CONFLICT: {
    status: 409,
    title: 'The id belongs to another schedule',
    hint: 'Use another scheduleId, or change the schedule with PUT /schedules/{scheduleId}.',
  },
  EXECUTION_CONFLICT: {
    status: 409,
    title: 'The id or key belongs to another execution',
    hint: 'Use a new executionId or Idempotency-Key, or send the same workflow, input, labels and timeout again.',
  },
  INVALID_INPUT: {
    status: 422,
    title: "The input does not fit the workflow's schema",
    hint: 'Correct the fields named in errors; GET /workflows/{workflowName} shows the schema.',
  },
  INPUT_CHECK_TOO_SLOW: {
    status: 422,
    title: 'The input takes too long to check',
    hint: 'Mend the pattern of the field that errors names, if it backtracks; else raise FLUX_INPUT_CHECK_TIMEOUT.',
  },
  INVALID_REQUEST: {
    status: 422,
    title: 'The request is not valid',
    hint: 'Correct what errors names; /docs describes the route.',
  },
  INVALID_DURATION: {
    status: 422,
    title: 'Not a duration',
    hint: "Write '500ms', '10s', '5m', '1h' or ISO 8601.",
  },
  MALFORMED_BODY: { status: 400, title: 'The body cannot be parsed', hint: 'Send valid JSON in UTF-8.' },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    hint: 'Store the data elsewhere and pass a reference, or raise FLUX_MAX_INPUT.',
  },
  VALUE_TOO_DEEP: {
    status: 422,
    title: 'A value is nested too deep',
    hint: 'Pass a list of parts that name each other, or a text.',
  },
  INVALID_JSON_NUMBER: {
    status: 422,
    title: 'A number cannot be kept as it is',
    hint: 'Send it as a text, in quotes; numbers have about 15 digits, between 5e-324 and 1.8e308.',
  },
  DUPLICATE_KEY: {
    status: 422,
    title: 'An object has a key twice',
    hint: 'Send each key once; only one of the values could be kept.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Unsupported content type',
    hint: 'Send JSON with Content-Type: application/json.',
  },
  ROUTE_NOT_FOUND: { status: 404, title: 'No such route', hint: 'See /docs for the routes.' },
  DATABASE_UNAVAILABLE: {
    status: 503,
    title: 'The database does not answer',
    hint: 'Try again shortly. It may have been carried out all the same; a start that is repeated under its executionId or Idempotency-Key is the same one.',
  },
  SERVER_STOPPING: {
    status: 503,
    title: 'The server is stopping',
    hint: 'Try again; another replica will answer.',
  },
  SERVER_BUSY: {
    status: 503,
    title: 'Large answers take all of their memory',
    hint: 'Try again after Retry-After; ask for smaller pages and fewer values, or raise FLUX_API_RESPONSE_MEMORY.',
  },
  SERVER_UNREACHABLE: {
    status: 503,
    title: 'The server cannot be reached',
    hint: 'Check that it runs and that --server-url or FLUX_SERVER_URL names it.',
  },
  INVALID_SETTINGS: {
    status: 500,
    title: 'The settings are not valid',
    hint: 'Correct the variables named.',
  },
  INVALID_WORKFLOWS: {
    status: 500,
    title: 'The workflows cannot be loaded',
    hint: 'Correct the files named.',
  },
  NON_DETERMINISTIC_WORKFLOW: {
    status: 500,
    title: 'The workflow replayed differently',
    hint: 'Make the same calls in the same order for the same input.',
  },
  TASK_FAILED: { status: 500, title: 'A task failed', hint: "Read the task's error." },
  RUNNER_LOST: {
    status: 500,
    title: 'The workflow ends every runner it gets',
    hint: "Look into the workers' logs; give it more memory, or mend what ends its process.",
  },
  WORKFLOW_FAILED: { status: 500, title: 'The workflow failed', hint: "Read the workflow's error." },
  CHILD_FAILED: { status: 500, title: 'A child failed', hint: "Read the child's error and its history." },
  CHILD_CANCELLED: {
    status: 500,
    title: 'A child was cancelled',
    hint: 'Its history tells who cancelled it and why.',
  },
  TREE_TOO_DEEP: {
    status: 422,
    title: 'The tree of executions is too deep',
    hint: 'Let the workflow end instead of starting itself for ever, or raise FLUX_MAX_DEPTH.',
  },
  EXECUTION_CANCELLED: {
    status: 409,
    title: 'The execution was cancelled',
    hint: 'Start it again if it is needed.',
  },
  INTERNAL_ERROR: { status: 500, title: 'Something went wrong in Flux', hint: "Look into the server's log." },
};

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';
