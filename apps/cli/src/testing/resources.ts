import type { EventResource, ExecutionResource, WorkerResource, WorkflowResource } from '@flux/contracts';

export const ID = '0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d';

export function execution(changes: Partial<ExecutionResource> = {}): ExecutionResource {
  return {
    executionId: ID,
    workflowName: 'crawl',
    version: null,
    state: 'RUNNING',
    input: { urls: ['https://example.org'] },
    output: null,
    error: null,
    attempt: 1,
    workerId: 'worker-a@0a1b2c3d',
    labels: {},
    parentExecutionId: null,
    rootExecutionId: null,
    createdAt: '2026-11-22T14:00:00.000Z',
    startedAt: '2026-11-22T14:00:00.100Z',
    finishedAt: null,
    cancellation: null,
    waiting: null,
    ...changes,
  };
}

export const completed = execution({
  state: 'COMPLETED',
  output: { pages: 3 },
  finishedAt: '2026-11-22T14:00:02.500Z',
});

export const failed = execution({
  state: 'FAILED',
  error: { name: 'RangeError', message: 'no such page' },
  finishedAt: '2026-11-22T14:00:02.500Z',
});

export const cancelling = execution({
  state: 'CANCELLING',
  cancellation: {
    requestedAt: '2026-11-22T14:00:01.000Z',
    requestedBy: 'cli:ada',
    reason: 'wrong file',
    cause: 'request',
    deadlineAt: '2026-11-22T14:00:11.000Z',
    deliveredAt: '2026-11-22T14:00:01.012Z',
    stoppedAt: null,
    finalizedAt: null,
    forced: false,
    cleanup: null,
    outcome: null,
  },
});

export const cancelled = execution({
  state: 'CANCELLED',
  finishedAt: '2026-11-22T14:00:03.000Z',
  cancellation: {
    ...cancelling.cancellation!,
    stoppedAt: '2026-11-22T14:00:02.900Z',
    finalizedAt: '2026-11-22T14:00:03.000Z',
    cleanup: 'succeeded',
    outcome: 'cancelled',
  },
});

export const overtaken = execution({
  ...completed,
  cancellation: { ...cancelling.cancellation!, deliveredAt: null, outcome: 'already_completed' },
});

export const workflow: WorkflowResource = {
  workflowName: 'crawl',
  version: '2',
  inputSchema: { type: 'object' },
  gracePeriodMs: 10_000,
  timeoutMs: null,
  runner: 'shared',
  strays: [{ kind: 'timer', executions: 2 }],
  cancelOn: [{ event: 'site_closed', key: 'site.id' }],
  registeredAt: '2026-11-22T13:00:00.000Z',
  workers: 2,
  versions: [
    { version: '2', workers: 1, registeredAt: '2026-11-22T13:00:00.000Z' },
    { version: null, workers: 1, registeredAt: '2026-11-21T13:00:00.000Z' },
  ],
};

export const worker: WorkerResource = {
  workerId: 'worker-a@0a1b2c3d',
  name: 'worker-a',
  state: 'running',
  concurrency: 100,
  runners: 2,
  blocked: [],
  changedFiles: [],
  byHand: null,
  running: 3,
  workflows: ['crawl', 'import'],
  startedAt: '2026-11-22T13:00:00.000Z',
  lastSeenAt: '2026-11-22T14:00:00.000Z',
};

const at = (ms: number): string => new Date(Date.parse('2026-11-22T14:00:00.000Z') + ms).toISOString();

/** The history of `cancelled`. */
export const events: readonly EventResource[] = [
  { seq: 1, type: 'execution_scheduled', at: at(0), attempt: 0, data: { requestedBy: 'cli:ada' } },
  { seq: 2, type: 'execution_started', at: at(100), attempt: 1, data: { workerId: 'worker-a@0a1b2c3d' } },
  {
    seq: 3,
    type: 'task_completed',
    at: at(700),
    attempt: 1,
    data: {
      callId: 'fetch_page#1',
      name: 'fetch_page',
      output: '',
      tries: 2,
      startedAt: at(120),
      inCleanup: false,
    },
  },
  {
    seq: 4,
    type: 'cancel_requested',
    at: at(1000),
    attempt: 1,
    data: { requestedBy: 'cli:ada', reason: 'wrong\u001b[2J file', cause: 'request', deadlineAt: at(11_000) },
  },
  { seq: 5, type: 'cancel_delivered', at: at(1012), attempt: 1, data: { workerId: 'worker-a@0a1b2c3d' } },
  {
    seq: 6,
    type: 'execution_cancelled',
    at: at(3000),
    attempt: 1,
    data: { cleanup: 'succeeded', forced: false, cleanupError: null },
  },
];
