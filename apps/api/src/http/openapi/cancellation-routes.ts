import {
  bulkCancelBody,
  bulkCancelPage,
  bulkCancelResource,
  bulkItemPage,
  bulkItemsQuery,
  bulkListQuery,
  bulkPreviewResource,
  bulkStopQuery,
  eventBody,
  eventReceipt,
} from '@flux/contracts';
import { json, type Routes } from './route.js';

export const CANCELLATION_ROUTES = {
  cancelMany: {
    at: 'POST /cancellations',
    summary: 'Cancel many executions',
    description:
      'Of the executions that have not ended, those that fit the filter at this moment are cancelled; what is started ' +
      'later is not. Once it is answered, the job is durable, and goes on whatever server is restarted.',
    headers: ['requestedBy'],
    body: bulkCancelBody,
    answers: {
      200: json('A dry run: what would be cancelled. Nothing is.', bulkPreviewResource),
      202: json('The job, with the number of executions in `counts.total`.', bulkCancelResource, {
        location: 'The path of the job.',
      }),
    },
  },
  listCancellations: {
    at: 'GET /cancellations',
    summary: 'List bulk cancels, newest first',
    query: bulkListQuery,
    answers: { 200: json('A page.', bulkCancelPage) },
  },
  getCancellation: {
    at: 'GET /cancellations/{cancellationId}',
    summary: "Read or follow a bulk cancel's progress",
    description: 'With `Accept: text/event-stream` it is followed live, until it has finished.',
    answers: {
      200: json(
        'The job; `counts.requested` are under way, the other outcomes are final.',
        bulkCancelResource,
        { stream: '`cancellation` after each change, data a BulkCancel; `problem` when it breaks off.' },
      ),
    },
  },
  getCancellationExecutions: {
    at: 'GET /cancellations/{cancellationId}/executions',
    summary: 'Read the outcome of each execution of a bulk cancel',
    query: bulkItemsQuery,
    answers: { 200: json('A page, in the order of asking.', bulkItemPage) },
  },
  stopCancellation: {
    at: 'DELETE /cancellations/{cancellationId}',
    summary: 'Stop a bulk cancel',
    description:
      'No further execution is asked, but for the few that are being asked right now. What was cancelled stays ' +
      'cancelled, but for what `undo` can take back: executions that nothing has been signalled to. A job that has ended is ' +
      'left as it is.',
    query: bulkStopQuery,
    headers: ['requestedBy'],
    answers: { 200: json('The job.', bulkCancelResource) },
  },
  sendEvent: {
    at: 'POST /events',
    summary: 'Send an event that cancels the executions it is about',
    description:
      'Cancels those that have not ended and whose workflow has the event in `cancelOn`, with this key in their input. An ' +
      'execution whose start was answered before is reached; one that is started after the answer is not.',
    headers: ['requestedBy'],
    body: eventBody,
    answers: {
      200: json('It concerns no execution.', eventReceipt),
      202: json('Executions are being cancelled, by a bulk cancel.', eventReceipt, {
        location: 'The path of the bulk cancel.',
      }),
    },
  },
} satisfies Routes;
