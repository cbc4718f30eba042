import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { WorkflowDefinition } from '@flux/contracts';
import type { FluxError } from '@flux/domain';
import { pino } from 'pino';
import { RunnerPool } from '../supervisor/runner-pool.js';
import { openThread } from '../supervisor/thread-carrier.js';

const hello = (name: string): string =>
  `import { workflow } from '@flux/sdk'; export const one = workflow('${name}', async () => 1);`;

describe('loading workflows from a folder outside any project', () => {
  let directory = '';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'flux-workflows-'));
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }

  async function load(): Promise<WorkflowDefinition[]> {
    const ignore = (): void => undefined;
    const log = pino({ level: 'silent' });
    const pool = new RunnerPool({
      open: openThread,
      data: { directory, maxPayloadBytes: 1024 ** 2 },
      size: 1,
      log,
      listener: { onMessage: ignore, onOverdue: ignore, onDeath: ignore },
    });
    try {
      return [...(await pool.start())];
    } finally {
      await pool.close();
    }
  }

  async function faults(): Promise<string> {
    return load().then(
      () => '',
      (error: unknown) => `${(error as FluxError).code} ${(error as FluxError).message}`,
    );
  }

  test('finds what every kind of file exports, and the SDK and zod without an installation', async () => {
    write({
      'typescript.ts': `
        import { workflow, type ExecutionContext } from '@flux/sdk';
        import { z } from 'zod';
        import { NAME } from './helper.js';
        enum Depth { low = 1 }
        await Promise.resolve();
        const input = z.object({ url: z.string(), depth: z.number().default(Depth.low) });
        export const crawl = workflow(NAME, async (ctx: ExecutionContext, { url }) => url, {
          input, gracePeriod: '5s', timeout: '1h',
        });
        export default crawl;`,
      'helper.ts': `export const NAME: string = 'crawl';`,
      'again.ts': `export { crawl } from './typescript.js';`,
      'module.js': hello('from_js'),
      'deep/er/module.mts': hello('from_mts'),
      'common.cjs': `const { workflow } = require('@flux/sdk'); exports.w = workflow('from_cjs', async () => 1);`,
      'plain.js': `const { workflow } = require('@flux/sdk'); module.exports = { w: workflow('plain_js', () => 1) };`,
    });
    const workflows = await load();
    expect(workflows.map(({ workflowName }) => workflowName).sort()).toEqual([
      'crawl',
      'from_cjs',
      'from_js',
      'from_mts',
      'plain_js',
    ]);
    expect(workflows.find(({ workflowName }) => workflowName === 'crawl')).toMatchObject({
      gracePeriodMs: 5000,
      timeoutMs: 3_600_000,
      runner: 'shared',
      inputSchema: { type: 'object', required: ['url'], properties: { url: { type: 'string' } } },
    });
  });

  test('leaves out what is no source of workflows', async () => {
    const bad = 'throw new Error("loaded")';
    write({
      'good.ts': hello('good'),
      'good.spec.ts': bad,
      'good.test.js': bad,
      'types.d.ts': bad,
      'notes.txt': bad,
      '.hidden/a.ts': bad,
      'dist/good.js': bad,
      'node_modules/x/index.js': bad,
    });
    expect((await load()).map(({ workflowName }) => workflowName)).toEqual(['good']);
  });

  test('names every file that cannot be loaded, with its error, at once', async () => {
    write({
      'good.ts': hello('good'),
      'syntax.ts': 'export const = 1;',
      'missing.ts': `import 'no-such-package';`,
      'nested/throws.ts': `throw new RangeError('at the top');`,
      'twin.ts': hello('good'),
      'options.ts': `import { workflow } from '@flux/sdk'; workflow('w', () => 1, { retries: 3 });`,
    });
    const told = await faults();
    expect(told).toMatch(/^INVALID_WORKFLOWS /);
    expect(told).toMatch(/syntax\.ts: .*Expected identifier/s);
    expect(told).toMatch(/missing\.ts: .*no-such-package/);
    expect(told).toMatch(/nested\/throws\.ts: RangeError: at the top/);
    expect(told).toMatch(/twin\.ts: workflow 'good' is another one in good\.ts/);
    expect(told).toMatch(/options\.ts: TypeError: workflow 'w' has no option 'retries'/);
  });

  test('names the file that ends its runner', async () => {
    write({ 'a.ts': hello('a'), 'b.ts': 'process.exit(1);', 'c.ts': 'process.reallyExit(1);' });
    expect(await faults()).toMatch(/c\.ts: ended the runner while it was loaded/);
    rmSync(join(directory, 'c.ts'));
    expect(await faults()).toMatch(/b\.ts: Error: process\.exit\(1\) was called/);
  });

  test('says so when there is no workflow, or no folder', async () => {
    write({ 'a.ts': 'export const a = 1;' });
    expect(await faults()).toMatch(/^INVALID_WORKFLOWS no file in .* exports a workflow$/);
    rmSync(directory, { recursive: true });
    expect(await faults()).toMatch(/^INVALID_WORKFLOWS .*ENOENT/s);
  });
});
