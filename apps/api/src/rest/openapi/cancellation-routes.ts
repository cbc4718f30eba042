import { bulkItemsQuery, bulkListQuery, bulkStopQuery } from '@flux/contracts';
import { ACTOR } from './execution-routes.js';
import type { Route } from './route.js';

const BODY_PROBLEMS = [
  'INVALID_REQUEST',
  'MALFORMED_BODY',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
] as const;

export const CANCELLATION_ROUTES: readonly Route[] = [
  {
    method: 'post',
    path: '/cancellations',
    operationId: 'cancelMany',
    tag: 'Cancellations',
    summary: 'Cancel many executions',
    description:
      'Of the executions that have not ended, those that fit the filter at this moment are cancelled; what is started ' +
      'later is not. Once it is answered, the job is durable, and goes on whatever server is restarted.',
    headers: [ACTOR],
    body: 'BulkCancelRequest',
    responses: {
      200: { description: 'A dry run: what would be cancelled. Nothing is.', schema: 'BulkPreview' },
      202: {
        description: 'The job, with the number of executions in `counts.total`.',
        schema: 'BulkCancel',
        headers: { Location: 'The path of the job.' },
      },
    },
    problems: BODY_PROBLEMS,
  },
  {
    method: 'get',
    path: '/cancellations',
    operationId: 'listCancellations',
    tag: 'Cancellations',
    summary: 'List bulk cancels, newest first',
    query: bulkListQuery,
    queryDescriptions: { cursor: 'The nextCursor of an earlier page.' },
    responses: { 200: { description: 'A page.', schema: 'BulkCancelPage' } },
    problems: ['INVALID_REQUEST'],
  },
  {
    method: 'get',
    path: '/cancellations/{cancellationId}',
    operationId: 'getCancellation',
    tag: 'Cancellations',
    summary: "Read or follow a bulk cancel's progress",
    description: 'With `Accept: text/event-stream` it is followed live, until it has finished.',
    responses: {
      200: {
        description: 'The job; `counts.requested` are under way, the other outcomes are final.',
        schema: 'BulkCancel',
        eventStream: '`cancellation` after each change, data a BulkCancel; `problem` when it breaks off.',
      },
    },
    problems: ['CANCELLATION_NOT_FOUND'],
  },
  {
    method: 'get',
    path: '/cancellations/{cancellationId}/executions',
    operationId: 'getCancellationExecutions',
    tag: 'Cancellations',
    summary: 'Read the outcome of each execution of a bulk cancel',
    query: bulkItemsQuery,
    queryDescriptions: {
      outcome: 'Any of these; repeat it for several.',
      cursor: 'The nextCursor of an earlier page.',
    },
    responses: { 200: { description: 'A page, in the order of asking.', schema: 'BulkItemPage' } },
    problems: ['CANCELLATION_NOT_FOUND', 'INVALID_REQUEST'],
  },
  {
    method: 'delete',
    path: '/cancellations/{cancellationId}',
    operationId: 'stopCancellation',
    tag: 'Cancellations',
    summary: 'Stop a bulk cancel',
    description:
      'No further execution is asked, but for the few that are being asked right now. What was cancelled stays ' +
      'cancelled, but for what `undo` can take back: executions that nothing has been signalled to. A job that has ended is ' +
      'left as it is.',
    query: bulkStopQuery,
    queryDescriptions: {
      undo: 'Takes back, too, what has not been signalled; outcome `undone`.',
      reason: 'Why it is taken back, for the histories.',
    },
    headers: [ACTOR],
    responses: { 200: { description: 'The job.', schema: 'BulkCancel' } },
    problems: ['CANCELLATION_NOT_FOUND', 'INVALID_REQUEST'],
  },
  {
    method: 'post',
    path: '/events',
    operationId: 'sendEvent',
    tag: 'Cancellations',
    summary: 'Send an event that cancels the executions it is about',
    description:
      'Cancels those that have not ended and whose workflow has the event in `cancelOn`, with this key in their input. An ' +
      'execution whose start was answered before is reached; one that is started after the answer is not.',
    headers: [ACTOR],
    body: 'EventRequest',
    responses: {
      200: { description: 'It concerns no execution.', schema: 'EventReceipt' },
      202: {
        description: 'Executions are being cancelled, by a bulk cancel.',
        schema: 'EventReceipt',
        headers: { Location: 'The path of the bulk cancel.' },
      },
    },
    problems: BODY_PROBLEMS,
  },
];
