/** `npm run dev` on a checkout of its own, whose sources the test changes. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT, findSurvivors, spawnNode, type FluxProcess } from '@flux/testing';
import { Rest } from './support/rest.js';

/** The time for compiling, packing and starting, on a machine that may be busy with other tests. */
const PATIENCE_MS = 120_000;
const SOURCE = 'apps/cli/src/commands/start/dev.ts';
const WORKFLOW =
  "import { workflow } from '@flux/sdk';\nexport const one = workflow('one', async () => 1);\n";

let checkout: string;
let dataDir: string;
let mark: string;
let dev: FluxProcess;

beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), 'flux-dev-'));
  dataDir = mkdtempSync(join(tmpdir(), 'flux-dev-data-'));
  mark = `FLUX_TEST_CHECKOUT=${checkout}`;
  for (const name of ['apps', 'libs', 'scripts', 'package.json', 'pnpm-lock.yaml', 'tsconfig.base.json']) {
    // Files keep their times, so that nothing is compiled or packed that has not changed.
    cpSync(join(ROOT, name), join(checkout, name), {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  writeFileSync(
    join(checkout, 'tsconfig.json'),
    JSON.stringify({ files: [], references: [{ path: 'apps/cli' }] }),
  );
  mkdirSync(join(checkout, 'workflows'));
  writeFileSync(join(checkout, 'workflows', 'one.ts'), WORKFLOW);
  const args = ['--workflows', 'workflows', '--port', '0', '--data', dataDir];
  dev = spawnNode([join(checkout, 'scripts/dev.mjs'), ...args], { FLUX_TEST_CHECKOUT: checkout });
});

afterAll(async () => {
  await dev.kill();
  for (const { pid } of await findSurvivors(mark, 0)) process.kill(pid, 'SIGKILL');
  for (const folder of [checkout, dataDir]) rmSync(folder, { recursive: true, force: true });
});

describe('npm run dev', () => {
  it(
    'starts Flux anew with each change that compiles, runs on with one that does not, and leaves nothing',
    async () => {
      const [, first = ''] = await dev.waitFor(/Flux is ready at (\S+) with one/, PATIENCE_MS);
      const { executionId } = await new Rest(first).start('one');

      const right = readFileSync(join(checkout, SOURCE), 'utf8');
      appendFileSync(join(checkout, SOURCE), 'export const wrong: string = 1;\n');
      await dev.waitFor(/start\/dev\.ts.* error TS2322/, PATIENCE_MS);
      await dev.waitFor(/what was started last runs on/, PATIENCE_MS);
      expect(await new Rest(first).status('one', executionId)).toMatchObject({ executionId });

      writeFileSync(join(checkout, SOURCE), right.replace('Flux is ready at', 'Flux is back at'));
      const [, second = ''] = await dev.waitFor(/Flux is back at (\S+) with one/, PATIENCE_MS);
      expect(await new Rest(second).status('one', executionId)).toMatchObject({ state: 'COMPLETED' });

      expect(await findSurvivors(mark, 0)).not.toEqual([]);
      expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(true);
      expect(await dev.stop('SIGINT', PATIENCE_MS)).toEqual({ code: 0, signal: null });
      expect(await findSurvivors(mark, 0)).toEqual([]);
      expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
    },
    3 * PATIENCE_MS,
  );
});
