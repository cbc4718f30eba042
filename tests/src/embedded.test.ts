import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PATIENCE_MS, TEST_WORKFLOWS } from './support/deployment.js';
import type { FluxProcess } from './support/flux-process.js';
import { createRest, type Rest } from './support/rest.js';
import { createSandbox, type Sandbox } from './support/sandbox.js';

interface Started {
  readonly process: FluxProcess;
  readonly rest: Rest;
}

let sandbox: Sandbox;
let dataDir: string;
let running: Started | undefined;

beforeAll(async () => {
  sandbox = await createSandbox();
  dataDir = mkdtempSync(join(tmpdir(), 'flux-embedded-'));
});

afterAll(async () => {
  await sandbox.close();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

async function start(): Promise<Started> {
  const server = sandbox.spawnFlux(
    ['start', 'dev', '--port', '0', '--workflows', TEST_WORKFLOWS, '--data', dataDir],
    { FLUX_DATABASE_URL: undefined, FLUX_AMQP_URL: undefined },
  );
  const [, url = ''] = await server.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/, PATIENCE_MS);
  return { process: server, rest: createRest(url) };
}

/** The one that runs, started where none does. */
async function present(): Promise<Started> {
  running ??= await start();
  return running;
}

describe('flux start dev', () => {
  it('a second one on the same data is refused with a code and a hint', async () => {
    await present();
    const second = sandbox.spawnFlux([
      'start',
      'dev',
      '--port',
      '0',
      '--workflows',
      TEST_WORKFLOWS,
      '--data',
      dataDir,
    ]);
    expect((await second.exited).code).toBe(1);
    expect(second.stderr).toMatch(/DATA_DIR_IN_USE[^]*Hint/i);
  }, 60_000);

  it('says what to type next, runs and cancels with nothing installed, and stops cleanly', async () => {
    const { process: server, rest } = await present();
    // Its landing line says what to type next.
    await server.waitFor(/flux workflow run/, PATIENCE_MS);
    await server.waitFor(/flux workflow cancel/, PATIENCE_MS);
    const done = await rest.request('POST', '/workflows/one_task/executions?mode=sync', { body: {} });
    expect(done).toMatchObject({ status: 200, body: { state: 'COMPLETED' } });
    const execution = await rest.start('tidy', {});
    await rest.until(execution, ({ state }) => state === 'RUNNING');
    const answer = await rest.cancel(execution, '?mode=sync');
    expect(answer).toMatchObject({ status: 200, body: { cancellation: { cleanup: 'succeeded' } } });
    running = undefined;
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  }, 60_000);

  it('killed and started again, comes up with its data and goes on with what it ran', async () => {
    const first = await present();
    running = undefined;
    const execution = await first.rest.start('tidy', {});
    await first.rest.until(execution, ({ state }) => state === 'RUNNING');
    await first.process.kill();
    const second = await start();
    const again = await second.rest.until(
      execution,
      ({ state, attempt }) => state === 'RUNNING' && attempt === 2,
    );
    const answer = await second.rest.cancel(again, '?mode=sync');
    expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED', attempt: 2 } });
    await second.process.stop();
    expect(existsSync(join(dataDir, 'postmaster.pid'))).toBe(false);
  }, 90_000);
});
