import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { json, silence, useFakeServer, stream } from './testing/fake-server.js';
import { BINARY, flux, fluxProcess, type Ran } from './testing/flux.js';
import { ID, cancelling, completed, events, execution } from './testing/resources.js';

const EXECUTION = `/workflows/crawl/executions/${ID}`;

const server = useFakeServer();

describe('mistakes on the command line exit 1 with the usage, on stderr', () => {
  it.each([
    [['workflow', 'cancel'], 'missing NAME and ID', 'Usage: flux workflow cancel NAME ID [FLAGS]'],
    [['workflow', 'list', '--none'], 'Nonexistent flag: --none', 'Usage: flux workflow list [FLAGS]'],
    [['workflow', 'show', 'a', 'b'], 'Unexpected argument: b', 'Usage: flux workflow show NAME [FLAGS]'],
    [
      ['workflow', 'run', 'x', '--mode', 'fast'],
      'async, sync, stream',
      'Usage: flux workflow run NAME [INPUT]',
    ],
    [['workflow', 'run', 'x', '--timeout', '1s'], 'it needs --mode sync', 'Usage: flux workflow run'],
    [['workflow', 'run', 'x', '--label', 'x'], "--label: 'x' is not a label", 'key=value'],
    [['workflow', 'cancel', 'x', ID, '--timeout', '1s'], '--timeout: --sync', 'Usage: flux workflow cancel'],
    [['execution', 'list', '--limit', 'x'], '--limit: Expected an integer', 'Usage: flux execution list'],
    [['execution', 'list', '--created-after', 'noon'], "--created-after: 'noon' is not a time", 'ISO 8601'],
    [['workflow', 'explode'], "there is no command 'flux workflow explode'", 'flux workflow cancel'],
    [['explode'], "there is no command 'flux explode'", "'flux --help' lists the commands."],
    [['start', 'worker'], 'Missing required flag workflows', 'Usage: flux start worker [NAME] [FLAGS]'],
  ])('%j', async (args, message, hint) => {
    const ran = await flux(args);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(/^Error: .*\nCode: INVALID_REQUEST\nHint: .*\n$/);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain(hint);
    const inJson = await flux([...args, '--json']);
    expect(inJson).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(inJson.stderr)).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
  });
});

describe('a server that is not there', () => {
  it('is named, with the way to name another', async () => {
    const ran = await fluxProcess(['worker', 'list', '--server-url', 'http://127.0.0.1:1']);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(
      /^Error: cannot reach the Flux server at http:\/\/127\.0\.0\.1:1: .*\nCode: SERVER_UNREACHABLE\nHint: .*FLUX_SERVER_URL/,
    );
    expect((await flux(['worker', 'list'], { env: { FLUX_SERVER_URL: 'nowhere' } })).stderr).toMatch(
      /^Error: 'nowhere' is not the URL of a Flux server\nCode: INVALID_SETTINGS/,
    );
  });

  it('stops flux start server with every setting that is missing', async () => {
    const ran = await fluxProcess(['start', 'server', '--json'], {
      env: { FLUX_AMQP_URL: '', FLUX_DATABASE_URL: '' },
    });
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    const { error } = JSON.parse(ran.stderr) as { error: { code: string; details: { faults: string[] } } };
    expect(error.code).toBe('INVALID_SETTINGS');
    expect(error.details.faults).toEqual(
      expect.arrayContaining(['FLUX_AMQP_URL is not set', 'FLUX_DATABASE_URL is not set']),
    );
  });
});

describe('Ctrl-C stops the waiting, leaves the execution alone and exits 130', () => {
  const interrupt = (args: readonly string[], route: string): Promise<Ran> =>
    fluxProcess(args, { env: { FLUX_SERVER_URL: server.url } }, async (child) => {
      await server.arrived(route);
      child.kill('SIGINT');
    });

  it('workflow cancel --sync', async () => {
    server.on(`POST ${EXECUTION}/cancel`, silence);
    server.on(`GET ${EXECUTION}`, json(cancelling));
    const ran = await interrupt(['workflow', 'cancel', 'crawl', ID, '--sync'], `POST ${EXECUTION}/cancel`);
    expect(ran).toMatchObject({ code: 130, stdout: '' });
    expect(ran.stderr).toContain(`Stopped waiting; its cancellation goes on: execution ${ID}\n`);
    expect(server.received.map(({ method }) => method)).toEqual(['POST', 'GET']);
  });

  it('workflow run --mode sync names the execution, also without --id', async () => {
    server.on('POST /workflows/crawl/executions', silence);
    const ran = await interrupt(
      ['workflow', 'run', 'crawl', '--mode', 'sync'],
      'POST /workflows/crawl/executions',
    );
    expect(ran.code).toBe(130);
    const [started] = server.received;
    const { executionId } = started?.body as { executionId: string };
    expect(ran.stderr).toMatch(new RegExp(`goes on: execution ${executionId}\n  flux workflow status crawl`));
  });

  it('workflow watch', async () => {
    server.on(`GET ${EXECUTION}/events`, stream(events.slice(0, 2), false));
    server.on(`GET ${EXECUTION}`, json(execution()));
    const ran = await interrupt(['workflow', 'watch', 'crawl', ID], `GET ${EXECUTION}/events`);
    expect(ran.code).toBe(130);
    expect(ran.stderr).toContain(`Stopped waiting; execution ${ID} goes on (RUNNING)`);
  });
});

describe('output', () => {
  it('that nobody reads any more ends the command quietly', async () => {
    const items = Array.from({ length: 1000 }, () => completed);
    server.on('GET /executions', json({ items, nextCursor: 'more' }));
    const shell = `"${process.execPath}" "${BINARY}" execution list --all | head -n 1; exit $\{PIPESTATUS[0]}`;
    const child = spawn('bash', ['-c', shell], { env: { ...process.env, FLUX_SERVER_URL: server.url } });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, lines: stdout.trim().split('\n').length, stderr }).toEqual({
      code: 0,
      lines: 1,
      stderr: '',
    });
  });

  it('of a pipe has no colours', async () => {
    server.on(`GET ${EXECUTION}`, json(completed));
    const { stdout } = await fluxProcess(['workflow', 'status', 'crawl', ID, '--server-url', server.url]);
    expect(stdout).not.toContain('\u001b');
  });
});
