/**
 * The image that the Dockerfile describes, packed here by its own words and run away from the repository; no engine
 * is needed.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT, createSandbox, type Sandbox } from '@flux/testing';
import { PATIENCE_MS } from './support/deployment.js';
import { Rest } from './support/rest.js';

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const KINDS = `
import { task, workflow } from '@flux/sdk';
import { z } from 'zod';

const double = task('double', (_ctx, value: number) => 2 * value);
export const [shared, process] = (['shared', 'process'] as const).map((runner) =>
  workflow(runner, (ctx, value: number) => ctx.run(double, value), { runner, input: z.number() }),
);
`;

let folder: string;
let url: string;
let sandbox: Sandbox;
let rest: Rest;

/** Starts `flux` as the image has it; resolves with what it wrote when that has `pattern` in it. */
async function start(args: readonly string[], pattern: RegExp): Promise<RegExpExecArray> {
  const flux = sandbox.spawnNode([join(folder, 'bin', 'flux.js'), 'start', ...args]);
  return flux.waitFor(pattern, PATIENCE_MS);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flux-image-'));
  const [, packing = ''] = /RUN (pnpm [^&]* deploy [^&]*)\/flux\s/.exec(text('Dockerfile')) ?? [];
  const args = packing.split(/[\s\\]+/).filter((word) => word !== '');
  expect(args).toEqual(expect.arrayContaining(['pnpm', '@flux/cli', '--prod', '--offline', 'deploy']));
  const { packageManager } = JSON.parse(text('package.json')) as { packageManager: string };
  await promisify(execFile)('npx', ['--yes', packageManager, ...args.slice(1), folder], { cwd: ROOT });
  // The folder of workflows lies within the packed one, as under compose.
  cpSync(join(ROOT, 'examples'), join(folder, 'workflows'), {
    recursive: true,
    filter: (path) => !/node_modules|dist/.test(path.slice(ROOT.length)),
  });
  writeFileSync(join(folder, 'workflows', 'kinds.ts'), KINDS);
  sandbox = await createSandbox();
  [, url = ''] = await start(['server', '--port', '0'], /(http:\/\/127\.0\.0\.1:\d+)/);
  rest = new Rest(url);
  await start(['worker', 'packed', '--workflows', join(folder, 'workflows')], /ready/i);
}, 120_000);

afterAll(async () => {
  await sandbox?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the image', () => {
  it.each(['shared', 'process'])('runs workflows in runners of kind %s', async (kind) => {
    const execution = await rest.start(kind, 21);
    expect(await rest.reach(execution, 'COMPLETED')).toMatchObject({ output: 42 });
  });

  it('cancels and cleans up', async () => {
    const execution = await rest.start('cancellable_workflow', { iterations: 60 });
    await rest.reach(execution, 'RUNNING');
    const { status, body } = await rest.cancel(execution, '?mode=sync&timeout=20s');
    expect([status, body]).toMatchObject([
      200,
      { state: 'CANCELLED', cancellation: { outcome: 'cancelled', cleanup: 'succeeded' } },
    ]);
  });

  it('has what the page about the API runs, and sends it anew only when it has changed', async () => {
    expect(await (await fetch(`${url}/docs`)).text()).toContain('<script src="docs/scalar.js">');
    const script = await fetch(`${url}/docs/scalar.js`);
    expect([script.status, script.headers.get('content-type')]).toEqual([
      200,
      'text/javascript; charset=utf-8',
    ]);
    expect(await script.text()).toMatch(
      /Scalar\.createApiReference\('#app', \{.*"telemetry":false.*\}\);\n$/,
    );
    const etag = script.headers.get('etag') ?? '';
    const again = await fetch(`${url}/docs/scalar.js`, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });
});
