import { describe, expect, it } from '@jest/globals';
import { json, problem, useFakeServer, stream } from './testing/fake-server.js';
import { fluxAt, type Ran } from './testing/flux.js';
import {
  ID,
  cancelled,
  cancelling,
  completed,
  events,
  execution,
  failed,
  overtaken,
  worker,
  workflow,
} from './testing/resources.js';

const START = 'POST /workflows/crawl/executions';
const STATUS = `GET /workflows/crawl/executions/${ID}`;
const EVENTS = `${STATUS}/events`;
const CANCEL = `POST /workflows/crawl/executions/${ID}/cancel`;

const server = useFakeServer();
const flux = fluxAt(server);

describe('flux workflow run', () => {
  it('starts an execution and says how to follow and how to stop it', async () => {
    server.on(START, json(execution({ state: 'SCHEDULED' }), 201));
    const ran = await flux([
      ...['workflow', 'run', 'crawl', '{"a":[1]}', '--id', ID, '--label', 'team=x', '--label', 'env=a=b'],
    ]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain(`crawl ${ID} SCHEDULED`);
    expect(ran.stdout).toContain(`flux workflow cancel crawl ${ID}`);
    expect(server.received).toEqual([
      expect.objectContaining({
        query: { mode: 'async' },
        actor: expect.stringMatching(/^cli:[\x21-\x7e]+$/),
        body: { executionId: ID, input: { a: [1] }, labels: { team: 'x', env: 'a=b' } },
      }),
    ]);
  });

  it('names commands as they can be typed: called as it was, for the server that it was told of', async () => {
    server.on(START, json(execution({ state: 'SCHEDULED' }), 201));
    const run = ['workflow', 'run', 'crawl'];
    const follow = `workflow watch crawl ${ID}`;
    expect((await flux(run)).stdout).toContain(` flux ${follow}\n`);
    expect((await flux(run, { env: { npm_lifecycle_event: 'npx' } })).stdout).toContain(
      ` npx flux ${follow}\n`,
    );
    const elsewhere = ['--server-url', server.url];
    const ran = await flux([...run, ...elsewhere], { env: { FLUX_SERVER_URL: 'http://127.0.0.1:1' } });
    expect(ran.stdout).toContain(` flux ${[follow, ...elsewhere].join(' ')}\n`);
  });

  it.each([
    ['COMPLETED', 0, json(completed)],
    ['FAILED', 1, json(failed)],
    ['CANCELLED', 1, json(cancelled)],
    ['RUNNING', 2, json(execution(), 202)],
  ])('--mode sync that ends %s exits %i', async (state, code, answer) => {
    server.on(START, answer);
    const ran = await flux(['workflow', 'run', 'crawl', '--mode', 'sync', '--timeout', '0s']);
    expect(ran.code).toBe(code);
    expect(ran.stdout).toContain(`crawl ${ID} ${state}`);
    expect(server.received[0]).toMatchObject({ query: { mode: 'sync', timeout: '0ms' } });
  });

  it('--mode sync --json prints the resource alone', async () => {
    server.on(START, json(failed));
    const ran = await flux(['workflow', 'run', 'crawl', '--mode', 'sync', '--json']);
    expect(ran).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(ran.stdout)).toEqual(failed);
  });

  it('--mode stream tells the events and exits by the end', async () => {
    server.on(START, stream(events));
    server.on(STATUS, json(cancelled));
    const ran = await flux(['workflow', 'run', 'crawl', '--id', ID, '--mode', 'stream']);
    expect(ran).toMatchObject({ code: 1, stderr: '' });
    expect(ran.stdout).toContain('task fetch_page completed (took 580 ms, 2 tries)');
  });

  it('reads its input from stdin and from a file', async () => {
    server.on(START, json(execution(), 201));
    expect((await flux(['workflow', 'run', 'crawl', '-'], { stdin: ' {"from": "pipe"}\n' })).code).toBe(0);
    const manifest = new URL('../package.json', import.meta.url).pathname;
    expect((await flux(['workflow', 'run', 'crawl', `@${manifest}`])).code).toBe(0);
    expect(server.received.map(({ body }) => body)).toMatchObject([
      { input: { from: 'pipe' } },
      { input: { name: '@flux/cli' } },
    ]);
  });

  it('an input that is not JSON exits 1 and names the place, and nothing is sent', async () => {
    const ran = await flux(['workflow', 'run', 'crawl', '{"a": 1,\n "b": }']);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain("INPUT is not valid JSON: unexpected '}' at line 2, column 7");
    expect(ran.stderr).toMatch(/^Code: INVALID_REQUEST\nHint: .*single quotes/m);
    const missing = await flux(['workflow', 'run', 'crawl', '@/no/such/file']);
    expect(missing.stderr).toMatch(/Error: the input file '\/no\/such\/file' cannot be read/);
    expect(server.received).toEqual([]);
  });

  it.each([
    [
      'INVALID_JSON_NUMBER',
      '{"id": 7615917337495251231}',
      'INPUT: id 7615917337495251231 would become 7615917337495251000',
    ],
    ['INVALID_JSON_NUMBER', '1e400', 'INPUT 1e400 would become Infinity'],
    ['DUPLICATE_KEY', '{"a": 1, "a": 2}', 'INPUT: a is there twice'],
  ])(
    'an input that would be changed exits 1 with %s, and nothing is sent: %s',
    async (code, input, words) => {
      const ran = await flux(['workflow', 'run', 'crawl', input]);
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.stderr).toContain(`Error: ${words}\nCode: ${code}\nHint: `);
      expect(server.received).toEqual([]);
    },
  );

  it('an input that does not fit names its fields', async () => {
    const errors = [{ path: 'urls.0', message: 'must be a URL' }];
    server.on(START, problem(422, 'INVALID_INPUT', { errors }));
    const ran = await flux(['workflow', 'run', 'crawl', '{}']);
    expect(ran).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Error: INVALID_INPUT detail\n  urls.0: must be a URL\nCode: INVALID_INPUT\nHint: Do this.\n',
    });
  });

  it('an unknown workflow exits 4', async () => {
    server.on(START, problem(404, 'WORKFLOW_NOT_FOUND'));
    expect((await flux(['workflow', 'run', 'crawl'])).code).toBe(4);
  });
});

describe('flux workflow cancel', () => {
  const cancel = (...flags: string[]): Promise<Ran> => flux(['workflow', 'cancel', 'crawl', ID, ...flags]);

  it('exits 0 once it is accepted, with the deadline', async () => {
    server.on(CANCEL, json(cancelling, 202));
    const ran = await cancel('--reason', 'wrong file', '--force', '--grace-period', '5s');
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain(`crawl ${ID} CANCELLING`);
    expect(ran.stdout).toContain('cancel requested by cli:ada: wrong file');
    expect(ran.stdout).toContain('deadline   2026-11-22 14:00:11 UTC');
    expect(server.received[0]).toMatchObject({
      query: { mode: 'async' },
      body: { reason: 'wrong file', force: true, gracePeriod: '5s' },
    });
  });

  it.each([
    ['is CANCELLED', 0, json(cancelled)],
    ['is still CANCELLING at the timeout', 2, json(cancelling, 202)],
    ['had ended COMPLETED before the signal', 3, json(overtaken)],
    ['had finished before', 3, problem(409, 'EXECUTION_ALREADY_FINISHED', { state: 'COMPLETED' })],
    ['does not exist', 4, problem(404, 'EXECUTION_NOT_FOUND')],
  ])('--sync of an execution that %s exits %i', async (_, code, answer) => {
    server.on(CANCEL, answer);
    expect((await cancel('--sync', '--timeout', '0s')).code).toBe(code);
    expect(server.received[0]).toMatchObject({ query: { mode: 'sync', timeout: '0ms' } });
  });

  it.each([
    ['is CANCELLED already', 0, json(cancelled)],
    ['had finished before', 3, problem(409, 'EXECUTION_ALREADY_FINISHED')],
    ['does not exist', 4, problem(404, 'EXECUTION_NOT_FOUND')],
    ['the server cannot look up', 1, problem(503, 'DATABASE_UNAVAILABLE')],
  ])('of an execution that %s exits %i', async (_, code, answer) => {
    server.on(CANCEL, answer);
    expect((await cancel()).code).toBe(code);
  });

  it('--sync tells each step, with the time since the request', async () => {
    server.on(CANCEL, json(cancelled));
    const ran = await cancel('--sync');
    expect(ran.stdout).toMatch(/14:00:01\.012 +\+12 ms {2}cancel delivered to worker-a@0a1b2c3d/);
    expect(ran.stdout).toMatch(/14:00:02\.900 +\+1\.9 s {2}stopped: cleanup succeeded/);
    expect(ran.stdout).toMatch(/14:00:03\.000 +\+2 s {2}CANCELLED, finalised/);
    expect(ran.stderr).toContain(`Cancelling ${ID} …`);
  });

  it('--json keeps the error on stderr, with the final state', async () => {
    server.on(CANCEL, problem(409, 'EXECUTION_ALREADY_FINISHED', { state: 'FAILED' }));
    const ran = await cancel('--sync', '--json');
    expect(ran).toMatchObject({ code: 3, stdout: '' });
    expect(JSON.parse(ran.stderr)).toEqual({
      error: {
        code: 'EXECUTION_ALREADY_FINISHED',
        message: 'EXECUTION_ALREADY_FINISHED detail',
        hint: 'Do this.',
        details: { status: 409, state: 'FAILED' },
      },
    });
  });

  it('a duration that is none exits 1, and nothing is sent', async () => {
    const ran = await cancel('--sync', '--timeout', 'soon');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^Error: --timeout: 'soon' is not a duration\nCode: INVALID_DURATION\nHint: /);
    expect(server.received).toEqual([]);
  });
});

describe('flux workflow pause and resume', () => {
  const PAUSE = `POST /workflows/crawl/executions/${ID}/pause`;
  const RESUME = `POST /workflows/crawl/executions/${ID}/resume`;

  it('pause says what happens and how to resume', async () => {
    server.on(PAUSE, json(execution(), 202));
    const ran = await flux(['workflow', 'pause', 'crawl', ID, '--reason', 'lunch']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('It pauses at its next call');
    expect(ran.stdout).toContain(`flux workflow resume crawl ${ID}`);
    expect(server.received[0]).toMatchObject({ body: { reason: 'lunch' } });
  });

  it('resume sends its input and says when it is kept', async () => {
    server.on(RESUME, json(execution({ state: 'SCHEDULED' })), json(execution(), 202));
    const resumed = await flux(['workflow', 'resume', 'crawl', ID, '{"approved":true}']);
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    expect(resumed.stdout).not.toContain('kept');
    expect((await flux(['workflow', 'resume', 'crawl', ID])).stdout).toContain('kept for its next ctx.pause');
    server.on(RESUME, json(execution(), 202));
    const named = await flux(['workflow', 'resume', 'crawl', ID, '--pause', 'approval']);
    expect(named.stdout).toContain("kept for 'approval'");
    expect(server.received.map(({ body }) => body)).toEqual([
      { input: { approved: true } },
      {},
      { pause: 'approval' },
    ]);
  });

  it.each([
    ['EXECUTION_CANCELLING', 409, 1],
    ['EXECUTION_ALREADY_FINISHED', 409, 3],
    ['EXECUTION_NOT_FOUND', 404, 4],
  ])('%s exits %i', async (code, status, exitCode) => {
    for (const [route, command] of [
      [PAUSE, 'pause'],
      [RESUME, 'resume'],
    ] as const) {
      server.on(route, problem(status, code));
      expect(await flux(['workflow', command, 'crawl', ID])).toMatchObject({ code: exitCode, stdout: '' });
    }
  });

  it('status says what an execution waits for that nobody runs', async () => {
    const until = '2026-11-23T09:00:00.000Z';
    const waits = (waiting: NonNullable<ReturnType<typeof execution>['waiting']>) =>
      execution({ state: waiting.for === 'sleep' ? 'SLEEPING' : 'PAUSED', workerId: null, waiting });
    server.on(
      STATUS,
      json(waits({ for: 'sleep', pause: null, until })),
      json(waits({ for: 'pause', pause: 'approval', until: null })),
      json(waits({ for: 'request', pause: null, until })),
      json({ ...waits({ for: 'version', pause: null, until: null }), version: '2' }),
      json(execution({ state: 'SCHEDULED', workerId: null, attempt: 0 })),
      json(execution({ state: 'SCHEDULED', workerId: null, attempt: 2 })),
    );
    for (const words of [
      /until 2026-11-23 09:00/,
      /a resume of 'approval'/,
      /its sleep goes on until 2026/,
      /a worker that has crawl version 2/,
      /waits +for a worker\n/,
      /waits +for a worker that goes on with it, after attempt 2\n/,
    ]) {
      expect((await flux(['workflow', 'status', 'crawl', ID])).stdout).toMatch(words);
    }
  });
});

describe('looking', () => {
  it('status tells the story of an execution, and cannot be made to steer the terminal', async () => {
    server.on(STATUS, json({ ...cancelled, events }));
    const ran = await flux(['workflow', 'status', 'crawl', ID, '--detailed']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(server.received[0]).toMatchObject({ query: { detailed: 'true' } });
    expect(ran.stdout.split('\n').filter((line) => line.includes(' +'))).toEqual([
      '  14:00:00.000       +0 ms  SCHEDULED by cli:ada',
      '  14:00:00.100     +100 ms  RUNNING on worker-a@0a1b2c3d, attempt 1',
      '  14:00:00.700     +700 ms  task fetch_page completed (took 580 ms, 2 tries)',
      '  14:00:01.000        +1 s  CANCELLING, cancel requested by cli:ada: wrong\\u001b[2J file',
      '  14:00:01.012        +1 s  cancel delivered to worker-a@0a1b2c3d after 12 ms',
      '  14:00:02.900      +2.9 s  stopped after 1.9 s: cleanup succeeded',
      '  14:00:03.000        +3 s  CANCELLED, finalised after 2 s',
    ]);
  });

  it('watch tells events until the end, and goes on where a connection broke', async () => {
    server.on(EVENTS, stream(events.slice(0, 2)), stream(events.slice(2)));
    const ran = await flux(['workflow', 'watch', 'crawl', ID, '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(
      ran.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(events);
    expect(server.received.map(({ lastEventId }) => lastEventId)).toEqual([undefined, '2']);
  });

  it('the lists print a line each', async () => {
    server.on('GET /workflows', json({ items: [workflow] }));
    server.on('GET /workflows/crawl', json(workflow));
    server.on('GET /workers', json({ items: [worker] }));
    const [workflows, shown, workers] = await Promise.all([
      flux(['workflow', 'list']),
      flux(['workflow', 'show', 'crawl']),
      flux(['worker', 'list', '--json']),
    ]);
    expect(workflows.stdout).toMatch(/^WORKFLOW +VERSION +WORKERS +RUNNER.*\ncrawl +2 +2 +shared +10 s +- /);
    expect(shown.stdout).toMatch(/^crawl\n {2}workers {7}2\n/);
    expect(shown.stdout).toContain('\n  cancelled by  site_closed, key site.id\n');
    expect(shown.stdout).toContain('\n  left open     timers by 2 executions\n');
    expect(shown.stdout).toMatch(/\n {2}versions {6}2: 1 worker, since .*\n {16}none: 1 worker, since /);
    expect(JSON.parse(workers.stdout)).toEqual({ items: [worker] });
  });

  it('execution list sends its filters, and --all reads every page', async () => {
    const second = execution({ executionId: '0192f3c4-8a51-7c3e-9d2b-000000000000' });
    server.on(
      'GET /executions',
      json({ items: [completed], nextCursor: 'c2' }),
      json({ items: [second], nextCursor: null }),
    );
    const ran = await flux([
      ...['execution', 'list', '--workflow', 'crawl', '--state', 'RUNNING', '--label', 'team=x', '--all'],
      ...['--created-after', '2026-11-22', '--parent', ID, '--limit', '1'],
      ...['--include', 'input', '--include', 'output'],
    ]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const lines = ran.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^EXECUTION +STATE +AGE +TOOK +WORKFLOW +WAITS FOR$/);
    expect(lines[1]).toMatch(new RegExp(`^${ID} +COMPLETED +\\w+ +2.4 s +crawl +-$`));
    expect(lines[2]).toContain(second.executionId);
    expect(lines).toHaveLength(3);
    const query = {
      workflowName: 'crawl',
      state: 'RUNNING',
      label: 'team:x',
      limit: '1',
      parentExecutionId: ID,
      createdAfter: '2026-11-22T00:00:00.000Z',
    };
    expect(server.received.map((one) => one.query)).toEqual([query, { ...query, cursor: 'c2' }]);
  });

  it('execution list asks for values only where it shows them: a table would be cut short by their bytes', async () => {
    server.on('GET /executions', json({ items: [completed], nextCursor: null }));
    const flags = ['execution', 'list', '--include', 'input,output'];
    await flux(flags);
    await flux([...flags, '--json']);
    expect(server.received.map(({ query }) => query)).toEqual([{}, { include: 'input,output' }]);
  });
});
