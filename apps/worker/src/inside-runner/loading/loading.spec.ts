import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { WorkflowDefinition } from '@flux/contracts';
import type { FluxError } from '@flux/domain';
import { pino } from 'pino';
import { openProcess } from '../../runners/carriers/process-carrier.js';
import { Runner } from '../../runners/runner.js';
import { Runners } from '../../runners/runners.js';
import type { Code, RunnerData } from '../../wire/protocol.js';

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
      const path = join(directory, 'flows', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }

  const ignore = (): void => undefined;
  const listener = {
    onMessage: ignore,
    onOverdue: ignore,
    onSlowCheck: ignore,
    onStrays: ignore,
    onDeath: ignore,
  };
  const dataOf = (code?: Code): RunnerData => ({
    directory: join(directory, 'flows'),
    maxPayloadBytes: 1024 ** 2,
    inputCheckMs: 1_000,
    ...(code && { code }),
  });

  /** @param later what happens with the runners between their load and their end */
  async function load(later: (runners: Runners) => unknown = ignore): Promise<WorkflowDefinition[]> {
    const log = pino({ level: 'silent' });
    const runners = new Runners({ data: dataOf(), size: 1, spares: 0, log, listener });
    try {
      const workflows = [...(await runners.load())];
      await later(runners);
      return workflows;
    } finally {
      await runners.close();
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

  /** A workflow in each form that code comes in, named after the form, and files that they read parts of the names from. */
  const FORMS = {
    'ts.ts': `
      import { workflow } from '@flux/sdk';
      import { T } from './part.js';
      import { OUTSIDE } from '../outside/part.js';
      import json from './part.json' with { type: 'json' };
      export const w = workflow('ts' + T + OUTSIDE + json.part, async () => 1);`,
    'part.ts': `export const T: string = '_part';`,
    '../outside/part.ts': `export const OUTSIDE: string = '_outside';`,
    'part.json': '{ "part": "_json" }',
    'js.js': `import { workflow } from '@flux/sdk'; import { J } from './js-part.js'; export const w = workflow(J, () => 1);`,
    'js-part.js': `export const J = 'js';`,
    'cjs.cjs': `const { workflow } = require('@flux/sdk'); exports.w = workflow(require('./cjs-part.cjs').C, () => 1);`,
    'cjs-part.cjs': `exports.C = 'cjs';`,
    'plain.js': `const { workflow } = require('@flux/sdk'); module.exports = { w: workflow('plain', () => 1) };`,
    'cts.cts': `import { workflow } from '@flux/sdk'; enum C { c = 'cts' } export const w = workflow(C.c, async () => 1);`,
    'old.cts': `import sdk = require('@flux/sdk'); const w = sdk.workflow('old_cts', async () => 1); export = { w };`,
    'mixed.mjs': `
      import { workflow } from '@flux/sdk';
      import { C } from './cjs-part.cjs';
      import { X } from './mixed-part.cts';
      export const w = workflow('mixed_' + C + X, () => 1);`,
    'mixed-part.cts': `import { C } from './cjs-part.cjs'; export const X: string = '_of_' + C;`,
    'object.ts': `
      import { workflow } from '@flux/sdk';
      const make = (name: string) => workflow(name, async () => 1);
      export const billing = { invoices: { send: make('in_an_object') }, all: [make('in_an_array')] };`,
    'space.ts': `export * as space from './object.js';`,
    'alias.ts': `import { workflow } from '@flux/sdk'; import { A } from '@parts/alias'; export const w = workflow(A, () => 1);`,
    'parts/alias.ts': `export const A = 'alias';`,
    'tsconfig.json': '{ "extends": "./paths.json", "compilerOptions": { "experimentalDecorators": true } }',
    'paths.json': '{ "compilerOptions": { "baseUrl": ".", "paths": { "@parts/*": ["./parts/*"] } } }',
    '../linked/folder/linked.ts': hello('linked'),
  };
  const NAMES =
    'alias cjs cts in_an_array in_an_object js linked mixed_cjs_of_cjs old_cts plain ts_part_outside_json';
  const namesOf = (workflows: readonly WorkflowDefinition[]): string =>
    workflows
      .map(({ workflowName }) => workflowName)
      .sort()
      .join(' ');

  function writeForms(): void {
    write(FORMS);
    symlinkSync(join(directory, 'linked'), join(directory, 'flows/link'));
    symlinkSync(join(directory, 'flows'), join(directory, 'flows/circle'));
  }

  test('finds workflows in every form: CommonJS with types, objects, the paths of its tsconfig, links to folders', async () => {
    writeForms();
    expect(namesOf(await load())).toBe(NAMES);
  });

  test('runners that start later load the code that their worker started with, though all files are broken, or gone (elsewhere: a file changed on the disk changes what runs)', async () => {
    writeForms();
    await load(async ({ code }) => {
      const again = async (): Promise<string> => {
        const runner = new Runner({ kind: 'process', open: openProcess, data: dataOf(code), listener });
        return namesOf((await runner.loaded.finally(() => runner.kill())).workflows);
      };
      const broken = Object.keys(FORMS).map((name) => [name, 'const { =']);
      for (const change of [
        () => write(Object.fromEntries(broken)),
        () => rmSync(directory, { recursive: true }),
      ]) {
        change();
        expect(await again()).toBe(NAMES);
      }
    });
  }, 120_000);

  test('refuses a kind of runner that it does not know, of an SDK that does', async () => {
    write({
      'old.mjs': `
        import { workflow } from '@flux/sdk';
        const made = workflow('old', async () => 1);
        const fields = Object.getOwnPropertyDescriptors(made);
        export const old = Object.create(Object.prototype, { ...fields, runner: { value: 'thread' } });`,
    });
    expect(await faults()).toMatch(
      /old\.mjs: workflow 'old' asks for a runner 'thread': write 'process' for a runner of its own, or leave it out/,
    );
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
      'schema.ts': `import { workflow } from '@flux/sdk'; import { z } from 'zod';
        const input = z.object({ a: z.lazy(() => { throw new RangeError('no schema'); }) });
        export const one = workflow('schemed', () => 1, { input });`,
      'options.ts': `import { workflow } from '@flux/sdk'; workflow('w', () => 1, { retries: 3 });`,
    });
    const told = await faults();
    expect(told).toMatch(/^INVALID_WORKFLOWS /);
    expect(told).toMatch(/syntax\.ts: .*Expected identifier/s);
    expect(told).toMatch(/missing\.ts: .*no-such-package/);
    expect(told).toMatch(/nested\/throws\.ts: RangeError: at the top/);
    expect(told).toMatch(/twin\.ts: workflow 'good' is another one in good\.ts/);
    expect(told).toMatch(/schema\.ts: the input schema of workflow 'schemed' .*RangeError: no schema/);
    expect(told).toMatch(/options\.ts: TypeError: workflow 'w' has no option 'retries'/);
  });

  test('refuses decorators that would miss their types, and tells what to do', async () => {
    const decorated = `
      import { workflow } from '@flux/sdk';
      const type = (): PropertyDecorator => () => undefined;
      class Mail {
        @type() to?: string;
      }
      export const w = workflow('w', async () => new Mail());`;
    const flag = (on: string): string => `{ "compilerOptions": { "experimentalDecorators": true${on} } }`;
    write({
      'mail.ts': decorated,
      'plain.ts': `${hello('plain')} // @type() is no decorator here`,
      'tsconfig.json': '{ "extends": "./base.json" /* "emitDecoratorMetadata": false */ }',
      'base.json': flag(', "emitDecoratorMetadata": true'),
    });
    const told = await faults();
    expect(told).toMatch(
      /^INVALID_WORKFLOWS .*mail\.ts: its decorators miss the types.*compile the folder with tsc/s,
    );
    expect(told).not.toMatch(/plain\.ts/);
    write({ 'base.json': flag(' // "emitDecoratorMetadata": true\n') });
    expect(namesOf(await load())).toBe('plain w');
  });

  test('names the file that ends its runner', async () => {
    write({ 'a.ts': hello('a'), 'b.ts': 'process.exit(1);', 'c.ts': 'process.reallyExit(1);' });
    expect(await faults()).toMatch(/c\.ts: ended the runner while it was loaded/);
    rmSync(join(directory, 'flows/c.ts'));
    expect(await faults()).toMatch(/b\.ts: Error: process\.exit\(1\) was called/);
  });

  test('says so when there is no workflow, or no folder', async () => {
    write({ 'a.ts': 'export const a = 1;' });
    expect(await faults()).toMatch(/^INVALID_WORKFLOWS no file in .* exports a workflow$/);
    rmSync(directory, { recursive: true });
    expect(await faults()).toMatch(/^INVALID_WORKFLOWS .*ENOENT/s);
  });
});
