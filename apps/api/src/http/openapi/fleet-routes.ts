import {
  bulkCancelResource,
  cancelAllBody,
  healthResource,
  namedWorkersResource,
  workerPage,
  workerWishBody,
  workflowPage,
  workflowResource,
} from '@flux/contracts';
import { z } from 'zod';
import { json, text, type Routes } from './route.js';

export const FLEET_ROUTES = {
  listWorkflows: {
    at: 'GET /workflows',
    summary: 'List the workflows that workers registered',
    answers: { 200: json('All of them.', workflowPage) },
  },
  getWorkflow: {
    at: 'GET /workflows/{workflowName}',
    summary: 'Read a workflow and the schema of its input',
    answers: { 200: json('The workflow.', workflowResource) },
  },
  listWorkers: {
    at: 'GET /workers',
    summary: 'List the workers, live ones first',
    answers: { 200: json('All of them.', workerPage) },
  },
  pauseWorker: {
    at: 'POST /workers/{name}/pause',
    summary: 'Have the workers of a name take nothing new',
    description:
      'What they run goes on, cancels are obeyed, and they take what the cleanup of an execution of theirs waits for. It ' +
      'lasts until they are resumed, whoever is started under that name. Again, it changes nothing.',
    headers: ['requestedBy'],
    body: workerWishBody,
    answers: { 200: json('The workers of that name.', namedWorkersResource) },
  },
  resumeWorker: {
    at: 'POST /workers/{name}/resume',
    summary: 'Have the workers of a name take executions again',
    description: 'Ends a pause and a drain. Again, it changes nothing.',
    headers: ['requestedBy'],
    body: workerWishBody,
    answers: { 200: json('The workers of that name.', namedWorkersResource) },
  },
  drainWorker: {
    at: 'POST /workers/{name}/drain',
    summary: 'Have the workers of a name hand over what they run',
    description:
      'They take nothing new, executions go on for `FLUX_WORKER_DRAIN`, and then go to other workers, from their last ' +
      'checkpoint. The processes stay. It lasts until they are resumed, whoever is started under that name.',
    headers: ['requestedBy'],
    body: workerWishBody,
    answers: { 200: json('The workers of that name.', namedWorkersResource) },
  },
  cancelAllOfWorker: {
    at: 'POST /workers/{name}/cancel-all',
    summary: 'Cancel what the workers of a name run',
    description:
      'A bulk cancel of the executions that they hold at this moment, as `POST /cancellations` with the filter `worker`. ' +
      'They go on taking others, unless they are paused before.',
    headers: ['requestedBy'],
    body: cancelAllBody,
    answers: {
      202: json('The job, with the number of executions in `counts.total`.', bulkCancelResource, {
        location: 'The path of the job.',
      }),
    },
  },
} satisfies Routes;

export const OPERATIONS_ROUTES = {
  getLiveness: {
    at: 'GET /health/live',
    summary: 'Does the process answer?',
    answers: { 200: json('It does.', healthResource) },
  },
  getReadiness: {
    at: 'GET /health/ready',
    summary: 'Can this server do its work?',
    description:
      'It can while its database answers. A broker that is down is shown in `checks`: requests are taken all the ' +
      'same, and delivered on its return.',
    answers: { 200: json('It can.', healthResource), 503: json('It cannot.', healthResource) },
  },
  getMetrics: {
    at: 'GET /metrics',
    summary: 'Metrics in the Prometheus text format',
    answers: { 200: text('The metrics.', 'text/plain') },
  },
  getOpenApi: {
    at: 'GET /openapi.json',
    summary: 'This document',
    answers: { 200: json('OpenAPI 3.1.', z.unknown()) },
  },
  getDocs: {
    at: 'GET /docs',
    summary: 'This document as a page',
    answers: { 200: text('HTML.', 'text/html') },
  },
  getDocsScript: {
    at: 'GET /docs/scalar.js',
    summary: 'The script of that page',
    answers: {
      200: text('JavaScript.', 'text/javascript'),
      304: { description: 'The script that the reader has, by its `ETag`.' },
    },
  },
} satisfies Routes;
