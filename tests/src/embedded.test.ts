import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSandbox, type FluxProcess, type Sandbox } from '@flux/testing';
import { PATIENCE_MS, TEST_WORKFLOWS } from './support/deployment.js';
import { Rest } from './support/rest.js';

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

const spawnDev = (env: NodeJS.ProcessEnv): FluxProcess =>
  sandbox.spawnFlux(['start', 'dev', '--port', '0', '--workflows', TEST_WORKFLOWS, '--data', dataDir], {
    FLUX_DATABASE_URL: undefined,
    FLUX_AMQP_URL: undefined,
    ...env,
  });

async function start(env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const server = spawnDev(env);
  const [, url = ''] = await server.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/, PATIENCE_MS);
  return { process: server, rest: new Rest(url) };
}

/** The one that runs, started where none does. */
async function present(): Promise<Started> {
  running ??= await start();
  return running;
}

describe('flux start dev', () => {
  it('a second one on the same data is refused with a code and a hint', async () => {
    await present();
    const second = spawnDev({});
    expect((await second.exited).code).toBe(1);
    expect(second.stderr).toMatch(/DATA_DIR_IN_USE[^]*Hint/i);
  }, 60_000);

  it('says what to type next, runs and cancels with nothing installed, and stops cleanly', async () => {
    const { process: server, rest } = await present();
    // The landing line says what to type next.
    await server.waitFor(/flux workflow run/, PATIENCE_MS);
    await server.waitFor(/flux workflow cancel/, PATIENCE_MS);
    const done = await rest.request('POST', '/workflows/one_task/executions?mode=sync', { body: {} });
    expect(done).toMatchObject({ status: 200, body: { state: 'COMPLETED' } });
    await rest.expectCancelled([await rest.started('tidy')]);
    running = undefined;
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  }, 60_000);

  it('stopped and started again, goes on at once with what it gave back', async () => {
    await running?.process.stop();
    running = undefined;
    const first = await start({ FLUX_WORKER_DRAIN: '100ms' });
    const execution = await first.rest.started('tidy');
    await first.process.stop();
    const second = await start();
    // A message that nobody took is sent again after 30 s: by then it would be late.
    const again = await second.rest.reach(execution, 'RUNNING', 15_000);
    expect(again.attempt).toBe(2);
    await second.rest.expectCancelled([again]);
    running = second;
  }, 90_000);

  it('killed and started again, comes up with its data and goes on with what it ran', async () => {
    const first = await present();
    running = undefined;
    const execution = await first.rest.started('tidy');
    await first.process.kill();
    const second = await start();
    const again = await second.rest.until(
      execution,
      ({ state, attempt }) => state === 'RUNNING' && attempt === 2,
    );
    expect((await second.rest.cancelled(again)).attempt).toBe(2);
    await second.process.stop();
    expect(existsSync(join(dataDir, 'postmaster.pid'))).toBe(false);
  }, 90_000);
});
