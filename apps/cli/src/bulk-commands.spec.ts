import { describe, expect, it } from '@jest/globals';
import type { BulkCancelResource } from '@flux/contracts';
import { bulkCancel, preview } from './testing/bulk-resources.js';
import { json, problem, useFakeServer, states, silence } from './testing/fake-server.js';
import { fluxAt, fluxProcess } from './testing/flux.js';

const { cancellationId: ID } = bulkCancel();
const CREATE = 'POST /cancellations';
const JOB = `GET /cancellations/${ID}`;

const server = useFakeServer();
const flux = fluxAt(server);

const ended = (counts: Partial<BulkCancelResource['counts']>): BulkCancelResource =>
  bulkCancel({ state: 'completed', finishedAt: '2026-11-22T14:00:02.000Z' }, { waiting: 0, ...counts });

describe('flux execution cancel', () => {
  it('sends the filters, follows the job and says what became of it', async () => {
    server.on(CREATE, json(bulkCancel(), 202));
    server.on(JOB, states(bulkCancel(), ended({ cancelled: 3 })));
    const ran = await flux([
      ...['execution', 'cancel', '--workflow', 'crawl', '--state', 'RUNNING', '--label', 'team=media'],
      ...['--reason', 'wrong batch', '--rate', '2.5', '--grace-period', '3s', '--yes'],
    ]);
    expect(ran).toMatchObject({ code: 0, stderr: 'Cancelling 3 executions …\n' });
    expect(ran.stdout).toBe(`3 executions CANCELLED\n  bulk cancel ${ID}\n`);
    expect(server.received[0]?.body).toEqual({
      filter: { workflowName: 'crawl', state: ['RUNNING'], labels: { team: 'media' } },
      reason: 'wrong batch',
      gracePeriod: '3s',
      ratePerSecond: 2.5,
    });
  });

  it('exits 5 when some were not cancelled, and names how many', async () => {
    server.on(CREATE, json(bulkCancel(), 202));
    server.on(JOB, states(ended({ cancelled: 1, alreadyFinished: 2 })));
    const ran = await flux(['execution', 'cancel', '--all', '--yes']);
    expect(ran.code).toBe(5);
    expect(ran.stdout).toContain('1 of 3 executions CANCELLED\n  2 had ended before they were asked\n');
    expect(server.received[0]?.body).toEqual({ filter: { all: true } });
  });

  it('--json writes the job alone', async () => {
    const job = ended({ cancelled: 3 });
    server.on(CREATE, json(job, 202));
    const ran = await flux(['execution', 'cancel', '--all', '--yes', '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ran.stdout)).toEqual(job);
  });

  it('--dry-run shows how many and which, and cancels nothing', async () => {
    server.on(CREATE, json(preview()));
    const ran = await flux(['execution', 'cancel', '--workflow', 'crawl', '--dry-run']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^3 executions: 2 RUNNING, 1 SLEEPING\n {2}EXECUTION +STATE/);
    expect(ran.stdout).toContain('and 2 more');
    expect(server.received).toMatchObject([{ body: { filter: { workflowName: 'crawl' }, dryRun: true } }]);
  });

  it('of more than one refuses without a terminal and without --yes', async () => {
    server.on(CREATE, json(preview()));
    const ran = await flux(['execution', 'cancel', '--all']);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('this would cancel 3 executions');
    expect(ran.stderr).toContain('--yes');
    expect(server.received).toHaveLength(1);
  });

  it('of one asks nobody', async () => {
    server.on(
      CREATE,
      json(preview({ total: 1, byState: { RUNNING: 1 } })),
      json(bulkCancel({}, { total: 1 }), 202),
    );
    server.on(JOB, states(ended({ total: 1, cancelled: 1 })));
    expect(await flux(['execution', 'cancel', '--label', 'a=b'])).toMatchObject({ code: 0 });
  });

  it.each([
    [[], 'no filter says'],
    [['--all', '--workflow', 'crawl'], 'no other filter'],
    [['--state', 'COMPLETED'], 'COMPLETED'],
    [['--all', '--rate', '0'], '--rate'],
  ])('refuses %j before anything is sent', async (args, words) => {
    const ran = await flux(['execution', 'cancel', ...args]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(words);
    expect(server.received).toEqual([]);
  });

  it('on Ctrl-C leaves the job alone and says how to stop it', async () => {
    server.on(CREATE, json(bulkCancel(), 202));
    server.on(JOB, silence);
    const env = { FLUX_SERVER_URL: server.url };
    const ran = await fluxProcess(['execution', 'cancel', '--all', '--yes'], { env }, async (child) => {
      await server.arrived(JOB);
      child.kill('SIGINT');
    });
    expect(ran.code).toBe(130);
    expect(ran.stderr).toContain(`flux cancellation stop ${ID}`);
  });
});

describe('flux cancellation', () => {
  it('watch follows one, stop stops it, list shows them', async () => {
    server.on(JOB, json(ended({ cancelled: 3 })));
    expect(await flux(['cancellation', 'watch', ID])).toMatchObject({ code: 0 });
    server.on(
      `DELETE /cancellations/${ID}`,
      json(bulkCancel({ state: 'stopped' }, { waiting: 0, cancelled: 1, skipped: 2 })),
    );
    const stopped = await flux(['cancellation', 'stop', ID]);
    expect(stopped).toMatchObject({ code: 0 });
    expect(stopped.stdout).toContain('2 not asked: the bulk cancel was stopped');
    server.on('GET /cancellations', json({ items: [bulkCancel()], nextCursor: null }));
    expect((await flux(['cancellation', 'list'])).stdout).toContain(ID);
    expect(await flux(['cancellation', 'stop', 'nonsense'])).toMatchObject({ code: 4 });
  });
});

describe('flux event send', () => {
  const SEND = 'POST /events';
  const receipt = { name: 'order_cancelled', key: '4711', executions: 3, cancellationId: ID };

  it('sends name, key and reason, and says how many it cancels and how to watch that', async () => {
    server.on(SEND, json(receipt, 202));
    const ran = await flux(['event', 'send', 'order_cancelled', '4711', '--reason', 'paid twice']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toBe(`Cancelling 3 executions\n  follow it  flux cancellation watch ${ID}\n`);
    expect(server.received).toMatchObject([
      {
        body: { name: 'order_cancelled', key: '4711', reason: 'paid twice' },
        actor: expect.stringMatching(/^cli:/),
      },
    ]);
  });

  it('exits 0 where it concerns nobody; --json writes the receipt alone', async () => {
    const nobody = { ...receipt, executions: 0, cancellationId: null };
    server.on(SEND, json(nobody));
    const [told, written] = await Promise.all([
      flux(['event', 'send', 'order_cancelled', '4711']),
      flux(['event', 'send', 'order_cancelled', '4711', '--json']),
    ]);
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(told.stdout).toBe(
      'Nothing to cancel: no execution is under way that order_cancelled 4711 cancels.\n',
    );
    expect(written).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(written.stdout)).toEqual(nobody);
  });

  it("exits 1 with the server's hint for what it refuses", async () => {
    server.on(SEND, problem(422, 'INVALID_REQUEST'));
    const ran = await flux(['event', 'send', 'no spaces', '4711']);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('Do this.');
  });
});
