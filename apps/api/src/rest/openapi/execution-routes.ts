import { cancelQuery, eventsQuery, listQuery, startQuery, statusQuery, undoQuery } from '@flux/contracts';
import type { Route, RouteHeader } from './route.js';

export const ACTOR: RouteHeader = {
  name: 'Flux-Actor',
  description: 'Who calls, at most 200 printable ASCII characters; becomes requestedBy, else `anonymous`.',
};
const LOCATION = { Location: 'The path of the execution.' };
const TIMEOUT =
  'How long a sync request waits at most: `500ms`, `10s`, `5m` or ISO 8601; default 30s, at most 10m.';

const PARKING_PROBLEMS = [
  'WORKFLOW_NOT_FOUND',
  'EXECUTION_NOT_FOUND',
  'EXECUTION_ALREADY_FINISHED',
  'EXECUTION_CANCELLING',
  'INVALID_REQUEST',
  'MALFORMED_BODY',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
] as const;

export const EXECUTION_ROUTES: readonly Route[] = [
  {
    method: 'post',
    path: '/workflows/{workflowName}/executions',
    operationId: 'startExecution',
    tag: 'Executions',
    summary: 'Start an execution',
    description:
      'The same executionId or Idempotency-Key again answers with the execution that it started. An empty body is `{}`.',
    query: startQuery,
    queryDescriptions: {
      mode:
        'async answers at once; sync waits for the end; stream answers with server-sent events: `execution`, then ' +
        'each history event (`id` is its seq, `event` its type), at the end `execution` again.',
      timeout: `${TIMEOUT} A stream ends after it; without it, at the end of the execution.`,
    },
    headers: [
      ACTOR,
      { name: 'Idempotency-Key', description: 'Starts at most one execution, however often it is sent.' },
    ],
    body: 'StartRequest',
    responses: {
      200: {
        description: 'async: it was started before. sync: it has ended. stream: the events.',
        schema: 'Execution',
        eventStream:
          'Events `execution` (an Execution), history events (an Event each), `problem` (a Problem).',
        headers: LOCATION,
      },
      201: { description: 'async: it is started.', schema: 'Execution', headers: LOCATION },
      202: {
        description: 'sync: it has not ended within the timeout.',
        schema: 'Execution',
        headers: LOCATION,
      },
    },
    problems: [
      'WORKFLOW_NOT_FOUND',
      'EXECUTION_CONFLICT',
      'INVALID_INPUT',
      'INVALID_REQUEST',
      'MALFORMED_BODY',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
    ],
  },
  {
    method: 'get',
    path: '/workflows/{workflowName}/executions/{executionId}',
    operationId: 'getExecution',
    tag: 'Executions',
    summary: "Read an execution's status",
    query: statusQuery,
    queryDescriptions: { detailed: 'Adds `events`, the history.' },
    responses: { 200: { description: 'The execution.', schema: 'Execution' } },
    problems: ['WORKFLOW_NOT_FOUND', 'EXECUTION_NOT_FOUND', 'INVALID_REQUEST'],
  },
  {
    method: 'get',
    path: '/workflows/{workflowName}/executions/{executionId}/events',
    operationId: 'getExecutionEvents',
    tag: 'Executions',
    summary: "Read or follow an execution's history",
    description: 'With `Accept: text/event-stream` it is followed live, until the execution ends.',
    query: eventsQuery,
    queryDescriptions: {
      limit: 'Of one page; a stream has none.',
      cursor: 'The nextCursor of an earlier page.',
    },
    headers: [
      { name: 'Last-Event-ID', description: 'Only events with a greater seq; a stream resumes by it.' },
    ],
    responses: {
      200: {
        description: 'A page of history, oldest first; or the stream.',
        schema: 'EventPage',
        eventStream:
          'Each event (`id` is its seq, `event` its type, data an Event); `progress`, without an id, as tasks ' +
          'tell it; `problem` when it breaks off.',
      },
    },
    problems: ['WORKFLOW_NOT_FOUND', 'EXECUTION_NOT_FOUND', 'INVALID_REQUEST'],
  },
  {
    method: 'post',
    path: '/workflows/{workflowName}/executions/{executionId}/cancel',
    operationId: 'cancelExecution',
    tag: 'Executions',
    summary: 'Cancel an execution',
    description: 'Once it is answered, the cancel is durable. Repeating it changes nothing, but for `force`.',
    query: cancelQuery,
    queryDescriptions: { mode: 'async answers at once; sync waits for the end.', timeout: TIMEOUT },
    headers: [ACTOR],
    body: 'CancelRequest',
    responses: {
      200: {
        description:
          'It has ended: CANCELLED, or the truth where the body had finished before the signal reached it ' +
          '(`cancellation.outcome` is `already_completed`).',
        schema: 'Execution',
      },
      202: {
        description: 'It is cancelling; with `delay`, it will be (`pendingCancel`).',
        schema: 'Execution',
      },
    },
    problems: [
      'WORKFLOW_NOT_FOUND',
      'EXECUTION_NOT_FOUND',
      'EXECUTION_ALREADY_FINISHED',
      'INVALID_REQUEST',
      'MALFORMED_BODY',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
    ],
  },
  {
    method: 'delete',
    path: '/workflows/{workflowName}/executions/{executionId}/cancel',
    operationId: 'undoCancel',
    tag: 'Executions',
    summary: 'Take a cancel back',
    description:
      'Possible while nothing has been signalled: within the `delay` of the cancel, and for an execution without an owner ' +
      'until a worker takes its cleanup up. It is then as it was before; a sleep that fell due meanwhile ends at once. ' +
      'After a 200 no signal of that cancel reaches the body.',
    query: undoQuery,
    queryDescriptions: { reason: 'Why, for its history.' },
    headers: [ACTOR],
    responses: { 200: { description: 'It goes on.', schema: 'Execution' } },
    problems: [
      'WORKFLOW_NOT_FOUND',
      'EXECUTION_NOT_FOUND',
      'EXECUTION_NOT_CANCELLING',
      'CANCEL_ALREADY_DELIVERED',
      'EXECUTION_CANCELLING',
      'EXECUTION_ALREADY_FINISHED',
      'INVALID_REQUEST',
    ],
  },
  {
    method: 'post',
    path: '/workflows/{workflowName}/executions/{executionId}/pause',
    operationId: 'pauseExecution',
    tag: 'Executions',
    summary: 'Pause an execution',
    description:
      'One that runs is parked at its next call on `ctx`, once no task of it is under way and outside shields. Repeating ' +
      'it changes nothing.',
    headers: [ACTOR],
    body: 'PauseRequest',
    responses: {
      200: { description: 'It is PAUSED.', schema: 'Execution' },
      202: { description: 'It is running; its worker is asked to park it.', schema: 'Execution' },
    },
    problems: PARKING_PROBLEMS,
  },
  {
    method: 'post',
    path: '/workflows/{workflowName}/executions/{executionId}/resume',
    operationId: 'resumeExecution',
    tag: 'Executions',
    summary: 'Resume an execution',
    description:
      '`input` becomes the value of the `ctx.pause` that it ends; one that was paused from outside goes on where it was, ' +
      'and `input` is only noted. A pause that was asked for and has not taken effect is withdrawn.',
    headers: [ACTOR],
    body: 'ResumeRequest',
    responses: {
      200: { description: 'It goes on.', schema: 'Execution' },
      202: {
        description: 'It is not paused: the resume is kept for the next `ctx.pause` of its body.',
        schema: 'Execution',
      },
    },
    problems: PARKING_PROBLEMS,
  },
  {
    method: 'get',
    path: '/executions',
    operationId: 'listExecutions',
    tag: 'Executions',
    summary: 'List executions, newest first',
    query: listQuery,
    queryDescriptions: {
      state: 'Any of these; repeat it for several.',
      label: '`key:value`; repeat it to ask for all of several.',
      cursor: 'The nextCursor of an earlier page.',
    },
    responses: { 200: { description: 'A page.', schema: 'ExecutionPage' } },
    problems: ['INVALID_REQUEST'],
  },
];
