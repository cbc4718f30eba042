import {
  cancelBody,
  cancelQuery,
  eventPage,
  eventsQuery,
  executionPage,
  executionReceipt,
  executionResource,
  listQuery,
  pauseBody,
  receiptQuery,
  resumeBody,
  startBody,
  startQuery,
  statusQuery,
  undoQuery,
} from '@flux/contracts';
import { json, numberCursor, type Routes } from './route.js';

const LOCATION = 'The path of the execution.';

export const EXECUTION_ROUTES = {
  startExecution: {
    at: 'POST /workflows/{workflowName}/executions',
    summary: 'Start an execution',
    description:
      'The same executionId or Idempotency-Key again answers with the execution that it started, and with 409 where ' +
      'workflow, input, labels or a timeout that is named differ. An empty body is `{}`.',
    query: startQuery,
    headers: ['requestedBy', 'idempotencyKey'],
    body: startBody,
    answers: {
      200: json('async: it was started before. sync: it has ended. stream: the events.', executionResource, {
        location: LOCATION,
        stream: 'Events `execution` (an Execution), history events (an Event each), `problem` (a Problem).',
      }),
      201: json('async: it is started.', executionResource, { location: LOCATION }),
      202: json('sync: it has not ended within the timeout.', executionResource, { location: LOCATION }),
    },
    problems: ['EXECUTION_CONFLICT', 'INVALID_INPUT', 'INPUT_CHECK_TOO_SLOW'],
  },
  getExecution: {
    at: 'GET /workflows/{workflowName}/executions/{executionId}',
    summary: "Read an execution's status",
    query: statusQuery,
    answers: { 200: json('The execution.', executionResource) },
    problems: ['SERVER_BUSY'],
  },
  getExecutionEvents: {
    at: 'GET /workflows/{workflowName}/executions/{executionId}/events',
    summary: "Read or follow an execution's history",
    description: 'With `Accept: text/event-stream` it is followed live, until the execution ends.',
    query: eventsQuery.extend({ cursor: numberCursor(15) }),
    headers: ['lastEventId'],
    answers: {
      200: json('A page of history, oldest first; or the stream.', eventPage, {
        stream:
          'Each event (`id` is its seq, `event` its type, data an Event); `progress`, without an id, as tasks ' +
          'tell it; `problem` when it breaks off. A reader that takes nothing for a minute is cut off.',
      }),
    },
    problems: ['SERVER_BUSY'],
  },
  getExecutionReceipt: {
    at: 'GET /workflows/{workflowName}/executions/{executionId}/receipt',
    summary: 'Read what became of an execution',
    description:
      'Who stopped it and why, and when; what had completed, what was undone, and what was cut off, whose effect is unknown. ' +
      'Of one that has not ended (`isOver`) it is how far that is. Each part has its count and a page.',
    query: receiptQuery.extend({ cursor: numberCursor(15) }),
    answers: { 200: json('The receipt.', executionReceipt) },
    problems: ['SERVER_BUSY'],
  },
  cancelExecution: {
    at: 'POST /workflows/{workflowName}/executions/{executionId}/cancel',
    summary: 'Cancel an execution',
    description: 'Once it is answered, the cancel is durable. Repeating it changes nothing, but for `force`.',
    query: cancelQuery,
    headers: ['requestedBy'],
    body: cancelBody,
    answers: {
      200: json(
        'It has ended: CANCELLED, or the truth where the body had finished before the signal reached it ' +
          '(`cancellation.outcome` is `already_completed`).',
        executionResource,
      ),
      202: json('It is cancelling; with `delay`, it will be (`pendingCancel`).', executionResource),
    },
    problems: ['EXECUTION_ALREADY_FINISHED'],
  },
  undoCancel: {
    at: 'DELETE /workflows/{workflowName}/executions/{executionId}/cancel',
    summary: 'Take a cancel back',
    description:
      'Possible while nothing has been signalled: within the `delay` of the cancel, and for an execution without an owner ' +
      'until a worker takes its cleanup up. It is then as it was before; a sleep that fell due meanwhile ends at once. ' +
      'After a 200 no signal of that cancel reaches the body.',
    query: undoQuery,
    headers: ['requestedBy'],
    answers: { 200: json('It goes on.', executionResource) },
    problems: [
      'EXECUTION_NOT_CANCELLING',
      'CANCEL_ALREADY_DELIVERED',
      'EXECUTION_CANCELLING',
      'EXECUTION_ALREADY_FINISHED',
    ],
  },
  pauseExecution: {
    at: 'POST /workflows/{workflowName}/executions/{executionId}/pause',
    summary: 'Pause an execution',
    description:
      'One that runs is parked at its next call on `ctx`, once no task of it is under way and outside shields. Repeating ' +
      'it changes nothing.',
    headers: ['requestedBy'],
    body: pauseBody,
    answers: {
      200: json('It is PAUSED.', executionResource),
      202: json('It is running; its worker is asked to park it.', executionResource),
    },
    problems: ['EXECUTION_ALREADY_FINISHED', 'EXECUTION_CANCELLING'],
  },
  resumeExecution: {
    at: 'POST /workflows/{workflowName}/executions/{executionId}/resume',
    summary: 'Resume an execution',
    description:
      '`input` becomes the value of the `ctx.pause` that it ends; one that was paused from outside goes on where it was, ' +
      'and `input` is only noted. A pause that was asked for and has not taken effect is withdrawn. `pause` names the ' +
      '`ctx.pause` that is meant. Without it the one that the execution waits in is meant, else its first.',
    headers: ['requestedBy'],
    body: resumeBody,
    answers: {
      200: json('It goes on.', executionResource),
      202: json('It does not wait there yet: the resume is kept for that pause.', executionResource),
    },
    problems: [
      'EXECUTION_ALREADY_FINISHED',
      'EXECUTION_CANCELLING',
      'PAUSE_PASSED',
      'PAUSE_NOT_NAMED',
      'TOO_MANY_RESUMES',
    ],
  },
  listExecutions: {
    at: 'GET /executions',
    summary: 'List executions, newest first',
    description:
      'Inputs and outputs come where `include` asks for them. A page ends at 1 MiB too, with at least one item.',
    query: listQuery,
    answers: { 200: json('A page.', executionPage) },
    problems: ['SERVER_BUSY'],
  },
} satisfies Routes;
