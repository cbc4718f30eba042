import type { ErrorCode } from '@flux/domain';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** What to do, when the error itself gives no better hint. */
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
  SCHEDULE_CONFLICT: {
    status: 409,
    title: 'The id belongs to another schedule',
    hint: 'Use another scheduleId, or change the schedule with PUT /schedules/{scheduleId}.',
  },
  EXECUTION_CONFLICT: {
    status: 409,
    title: 'The id or key belongs to another execution',
    hint: 'Use a new executionId or Idempotency-Key, or send the same workflow and input again.',
  },
  INVALID_INPUT: {
    status: 422,
    title: "The input does not fit the workflow's schema",
    hint: 'Correct the fields named in errors; GET /workflows/{workflowName} shows the schema.',
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
  EXECUTION_CANCELLED: {
    status: 409,
    title: 'The execution was cancelled',
    hint: 'Start it again if it is needed.',
  },
  INTERNAL_ERROR: { status: 500, title: 'Something went wrong in Flux', hint: "Look into the server's log." },
};

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';
