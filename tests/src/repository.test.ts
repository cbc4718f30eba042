/** Holds what the repository says of itself: its layers, its commands, its documents. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { Linter, type ESLint } from 'eslint';

interface Layers {
  readonly LAYERS: Readonly<Record<string, readonly string[] | 'any'>>;
  readonly FOR_TESTS: readonly string[];
  readonly APART: readonly { readonly files: string; readonly may: readonly string[] }[];
  readonly TOOLS: readonly { readonly packages: readonly string[]; readonly only: readonly string[] }[];
  readonly ROOMS: Readonly<Record<string, readonly string[]>>;
  layerOf(path: string): string | undefined;
  roomOf(path: string): string | undefined;
  importFault(path: string, specifier: string, lazy: boolean): string | undefined;
}
interface Circles {
  readonly ImportGraph: new () => {
    importsOf(file: string): readonly string[];
    way(from: string, to: string): readonly string[] | undefined;
  };
}
interface Manifest {
  readonly name: string;
  readonly type: string;
  readonly license: string;
  readonly private: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const script = async <T>(name: string): Promise<T> =>
  (await import(pathToFileURL(join(root, 'scripts', name)).href)) as T;

const { LAYERS, FOR_TESTS, APART, ROOMS, TOOLS, importFault, layerOf, roomOf } =
  await script<Layers>('layers.mjs');
const { ImportGraph } = await script<Circles>('circles.mjs');
const files = textsBelow('');
const documents = files.filter((path) => path.endsWith('.md'));
const folders = Object.keys(LAYERS);
const nameOf = (folder: string): string => posix.basename(folder);
const manifestOf = (folder: string): Manifest => JSON.parse(text(join(folder, 'package.json'))) as Manifest;

/** The texts that are ours below `folder`. */
function textsBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (['node_modules', 'dist', 'bundle', 'coverage', '.git', '.flux'].includes(entry.name)) return [];
    if (entry.isDirectory()) return textsBelow(path);
    return /(\.([cm]?[jt]sx?|json|md|ya?ml|sh|html)|file|run|\.example)$/i.test(path) ? [path] : [];
  });
}

function expectThere(path: string): void {
  expect([path, existsSync(join(root, path))]).toEqual([path, true]);
}

/** The @flux packages that a package.json depends on, by their last name. */
function dependenciesOf(folder: string): string[] {
  const { dependencies, devDependencies } = manifestOf(folder);
  return Object.keys({ ...dependencies, ...devDependencies })
    .filter((name) => name.startsWith('@flux/'))
    .map((name) => name.slice('@flux/'.length))
    .sort();
}

describe('the layers', () => {
  it('are the packages of the workspace', () => {
    const found = ['libs', 'apps']
      .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
      .concat(['examples', 'tests', 'bench']);
    expect(folders.toSorted()).toEqual(found.sort());
    for (const folder of folders) {
      const manifest = {
        name: `@flux/${nameOf(folder)}`,
        type: 'module',
        license: 'Apache-2.0',
        private: true,
      };
      expect(manifestOf(folder)).toMatchObject(manifest);
    }
  });

  it.each(folders)('hold in the package.json of %s', (folder) => {
    const allowed = LAYERS[folder];
    const apart = APART.filter(({ files: where }) => where.startsWith(`${folder}/`)).flatMap(
      ({ may }) => may,
    );
    if (allowed === 'any' || allowed === undefined) return;
    const { dependencies = {} } = manifestOf(folder);
    const may = (name: string): boolean =>
      allowed.includes(name) ||
      apart.includes(name) ||
      (FOR_TESTS.includes(name) && !(`@flux/${name}` in dependencies));
    expect(dependenciesOf(folder).filter((name) => !may(name))).toEqual([]);
  });

  it('leave libs/domain without a single dependency', () => {
    expect(manifestOf('libs/domain').dependencies ?? {}).toEqual({});
  });

  it.each(folders)('are the project references of %s', (folder) => {
    const { references = [] } = JSON.parse(text(join(folder, 'tsconfig.json'))) as {
      references?: { path: string }[];
    };
    const referred = references.map(({ path }) => layerOf(`${posix.join(folder, path)}/`) ?? path);
    const others = new Set(referred.filter((other) => other !== folder).map(nameOf));
    expect([...others].sort()).toEqual(dependenciesOf(folder));
  });

  it('keep each third-party package where it belongs', () => {
    for (const { packages, only } of TOOLS) {
      for (const folder of folders.filter((candidate) => !only.includes(candidate))) {
        const { dependencies = {} } = manifestOf(folder);
        const strays = Object.keys(dependencies).filter((name) =>
          packages.some((tool) => name === tool || (tool.endsWith('/') && name.startsWith(tool))),
        );
        expect([folder, strays]).toEqual([folder, []]);
      }
    }
  });

  it('have no cycle', () => {
    const visit = (folder: string, path: readonly string[]): void => {
      expect(path).not.toContain(folder);
      const next = LAYERS[folder];
      if (!Array.isArray(next)) return;
      for (const name of next as string[]) {
        visit(folders.find((other) => nameOf(other) === name) ?? name, [...path, folder]);
      }
    };
    for (const folder of folders) visit(folder, []);
  });

  it('name each room of a package, and no other', () => {
    for (const [layer, rooms] of Object.entries(ROOMS)) {
      const found = files.filter((path) => path.startsWith(`${layer}/src/`)).map((path) => roomOf(path));
      expect([layer, [...new Set(found)].filter((room) => room !== undefined).sort()]).toEqual([
        layer,
        [...rooms].sort(),
      ]);
    }
  });

  it('see every source: TypeScript is .ts', () => {
    const others = /^(?:libs|apps)\/[\w-]+\/src\/(?!testing\/).*\.(?:[cm]ts|tsx|[cm]?js)$/;
    expect(files.filter((path) => others.test(path))).toEqual([]);
  });

  it('leave no circle of files, types counted', () => {
    const graph = new ImportGraph();
    const circles = files
      .filter((path) => /^(?:libs|apps)\/[\w-]+\/src\/.*\.ts$/.test(path))
      .map((path) => join(root, path))
      .flatMap((file) => graph.importsOf(file).map((next) => graph.way(next, file)))
      .filter((way) => way !== undefined);
    expect(circles).toEqual([]);
  });

  it('hold in every import', () => {
    const pattern =
      /^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm;
    const faults = files
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) =>
        [...text(path).matchAll(pattern)].flatMap(([, type, from, bare, lazy]) => {
          const fault = importFault(path, from ?? bare ?? lazy ?? '', Boolean(type ?? lazy));
          return fault ? [`${path}: ${fault}`] : [];
        }),
      );
    expect(faults).toEqual([]);
  });

  it('keep times that do not stand in the code away from timers that end at 24.8 days', async () => {
    const { plugin } = await script<{ readonly plugin: ESLint.Plugin }>('eslint-rules.mjs');
    const linter = new Linter();
    const config = { plugins: { flux: plugin }, rules: { 'flux/long-timers': 'error' as const } };
    const refused = [
      'setTimeout(work, ms)',
      'setInterval(work, options.everyMs)',
      'setTimeout(work, 2 * ms)',
      'setTimeout(work, Math.max(LIMIT_MS, ms))',
      'AbortSignal.timeout(ms)',
      "import { setTimeout as wait } from 'node:timers/promises'; await wait(ms);",
      "import { setTimeout } from 'timers/promises'; await setTimeout(options.ms);",
    ];
    const allowed = [
      'setTimeout(work, 100)',
      'setTimeout(work)',
      'setInterval(work, LOOK_EVERY_MS)',
      'setTimeout(work, 2 * RETRY.firstMs + 50)',
      'setTimeout(work, Math.min(ms, LIMIT_MS))',
      'AbortSignal.timeout(LOOK_MS)',
      "import { setTimeout as wait } from 'node:timers/promises'; await wait(20);",
      'new LongTimer(ms, work); await sleep(ms); abortAfter(ms);',
    ];
    const faulty = (code: string): boolean => linter.verify(code, config).length > 0;
    expect([refused.filter((code) => !faulty(code)), allowed.filter(faulty)]).toEqual([[], []]);
  });

  it('refuse what they are there to refuse', () => {
    const refused = [
      ['libs/domain/src/states.ts', 'node:crypto'],
      ['libs/domain/src/states.ts', 'zod'],
      ['libs/contracts/src/rest.ts', '@flux/messaging'],
      ['libs/contracts/src/rest.ts', '@flux/domain/src/states.js'],
      ['libs/contracts/src/rest.ts', '../../domain/src/states.js'],
      ['libs/contracts/src/rest.ts', '@flux/contracts'],
      ['libs/sdk/src/index.ts', '@nestjs/common'],
      ['apps/worker/src/index.ts', 'pg'],
      ['apps/worker/src/index.ts', '@flux/contracts/plain'],
      ['apps/api/src/index.ts', 'amqplib'],
      ['apps/api/src/index.ts', '@flux/sdk'],
      ['apps/worker/src/worker.ts', '@flux/testing'],
      ['libs/testing/src/sandbox.ts', '@flux/api'],
      ['apps/cli/src/commands/workflow/run.ts', '@flux/api'],
      ['apps/cli/src/commands/start/server.ts', '@flux/api'],
      ['apps/cli/src/commands/start/server.ts', '../../parts/server.js'],
      ['apps/api/src/lifecycle/cancel.ts', '../store/columns.js'],
      ['apps/api/src/settings.ts', './server.js'],
      ['apps/worker/src/runners/runner.ts', '../testing/index.js'],
    ] as const;
    for (const [path, specifier] of refused) expect(importFault(path, specifier, false)).toMatch(/\w/);
    const allowed = [
      ['libs/domain/src/states.spec.ts', '@jest/globals', false],
      ['libs/contracts/src/rest.ts', '@flux/domain', false],
      ['apps/cli/src/commands/start/server.ts', '../../parts/server.js', true],
      ['apps/cli/src/parts/server.ts', '@flux/api', false],
      ['apps/worker/src/runtime/calls/child-wish.ts', '@flux/contracts/plain', false],
      ['tests/src/repository.test.ts', '@flux/worker', false],
      ['apps/api/src/executions/cancel.ts', '../lifecycle/cancel.js', false],
      ['apps/api/src/lifecycle/cancel.spec.ts', '../store/columns.js', false],
      ['apps/worker/src/worker.spec.ts', '@flux/testing', false],
      ['apps/worker/src/testing/trial.ts', '@flux/testing', false],
    ] as const;
    for (const [path, specifier, lazy] of allowed) expect(importFault(path, specifier, lazy)).toBeUndefined();
  });

  it('are those of the table in ARCHITECTURE.md', () => {
    const rows = [...text('ARCHITECTURE.md').matchAll(/^\|\s*`([\w/-]+)`\s*\|.*\|\s*([^|]+?)\s*\|$/gm)];
    const told = Object.fromEntries(
      rows.map(([, folder = '', may = '']) => [folder, may.split(', ').sort()]),
    );
    const held = Object.entries(LAYERS)
      .filter(([folder]) => /^(libs|apps)\//.test(folder))
      .map(([folder, may]) => [folder, may.length === 0 ? ['nothing'] : [...may].sort()]);
    expect(told).toMatchObject(Object.fromEntries(held) as object);
  });
});

describe('ARCHITECTURE.md', () => {
  const source = text('ARCHITECTURE.md');

  it('names every room', () => {
    const told = [...source.matchAll(/^\| ((?:`[\w./-]+`(?:, )?)+) +\|/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`([\w-]+)(?:\/|\.ts)`/g)].map(([, name]) => name),
    );
    for (const layer of ['apps/api', 'apps/worker']) {
      expect(told).toEqual(expect.arrayContaining(ROOMS[layer]?.filter((room) => room !== 'index') ?? []));
    }
  });

  it('has charts without what ends a statement of mermaid in the middle of a line', () => {
    const charts = [...source.matchAll(/^```mermaid\n(.*?)^```/gms)].map(([, chart]) => chart);
    expect(charts).toHaveLength(2);
    for (const chart of charts) expect(chart).not.toMatch(/;/);
  });

  it('names files along the two paths that are there', () => {
    const named = [...source.matchAll(/<br\/>([a-z][\w/., -]*)$/gm)].flatMap(([, list = '']) =>
      list.split(', '),
    );
    expect(named.length).toBeGreaterThan(20);
    const missing = named.filter(
      (name) => !files.some((path) => ['api', 'worker'].some((app) => fits(path, `apps/${app}/src/${name}`))),
    );
    expect(missing).toEqual([]);
  });
});

const fits = (path: string, module: string): boolean =>
  path === `${module}.ts` || path.startsWith(`${module}/`);

describe('the packages', () => {
  it('have one version of everything', () => {
    const versions = new Map<string, Set<string>>();
    for (const folder of ['.', ...folders]) {
      const { dependencies, devDependencies } = manifestOf(folder);
      for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
        versions.set(name, (versions.get(name) ?? new Set()).add(version));
      }
    }
    expect([...versions].filter(([, found]) => found.size > 1)).toEqual([]);
  });

  it('have scripts whose files exist', () => {
    for (const command of Object.values(manifestOf('.').scripts ?? {})) {
      for (const [, path = ''] of command.matchAll(/node ((?:\w[\w-]*\/)+[\w-]+\.m?js)/g)) {
        const source = path.replace(/\/dist\/(.*)\.js$/, '/src/$1.ts');
        expectThere(source);
      }
    }
  });
});

describe('the debug configurations', () => {
  interface Launch {
    readonly configurations: readonly {
      readonly program: string;
      readonly args: readonly [string, string, ...string[]];
      readonly preLaunchTask: string;
    }[];
  }
  const { configurations } = JSON.parse(text('.vscode/launch.json')) as Launch;

  it('start programs and commands that are there, built', () => {
    for (const { program, args, preLaunchTask } of configurations) {
      const path = program.replace('${workspaceFolder}/', '');
      expectThere(path);
      if (!path.endsWith('flux.js')) continue;
      expectThere(join('apps/cli/src/commands', args[0], `${args[1]}.ts`));
      expect(Object.keys(manifestOf('.').scripts ?? {})).toContain(preLaunchTask.replace('npm: ', ''));
    }
  });

  it.each([
    ['apps/cli/bundle/server.js', 'async function startApi(', 'apps/api/src/server.ts'],
    ['apps/cli/bundle/worker.js', 'async function startWorker(', 'apps/worker/src/worker.ts'],
    [
      'apps/worker/dist/inside-runner/serve-runner.js',
      'function serveRunner(',
      'apps/worker/src/inside-runner/serve-runner.ts',
    ],
  ])('find in %s the TypeScript of %s', (built, code, source) => {
    const lines = text(built).split('\n');
    const at = lines.findIndex((line) => line.includes(code));
    const [, map = ''] = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(lines.slice(-2).join('\n')) ?? [];
    const entry = new SourceMap(JSON.parse(text(join(dirname(built), map))) as SourceMapPayload).findEntry(
      at,
      lines[at]?.indexOf('function') ?? 0,
    );
    if (!('originalSource' in entry)) throw new Error(`${built}:${at + 1} has no source`);
    expect(join(dirname(built), entry.originalSource)).toBe(source);
    expect(text(source).split('\n')[entry.originalLine]).toContain(code);
  });
});

describe('the generated files', () => {
  it('are what npm run generate writes', () => {
    const script = join(root, 'scripts', 'generate.mjs');
    expect(spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' }).stderr).toBe('');
  });
});

describe('the words', () => {
  it('are spelled one way, inside names too', () => {
    // cspell:disable-next-line
    const wrong = ['canceled', 'isCanceling', 'CANCELABLE_AT', 'cancelation', 'canceler'];
    const input = [...wrong, 'cancelled isCancelling CANCELLABLE_AT cancellation'].join('\n');
    const cspell = [join(root, 'node_modules/cspell/bin.mjs'), '--no-progress', 'stdin://words.ts'];
    const { stdout } = spawnSync(process.execPath, cspell, { cwd: root, encoding: 'utf8', input });
    const lines = [...stdout.matchAll(/words\.ts:(\d+):\d+ - Forbidden/g)].map(([, line]) => Number(line));
    expect(lines).toEqual([1, 2, 3, 4, 5]);
  });

  it('that no dictionary knows are listed in order', () => {
    const { words } = JSON.parse(text('cspell.json')) as { words: string[] };
    expect(words).toEqual(words.toSorted());
  });

  it('name no folder of a machine and no host of a registry', () => {
    const foreign = /(?<![\w.~}:-])\/(?:root|home\/\w+|Users\/\w+|work)\/|\bregistry\.[a-z]+\.[a-z]+/;
    const found = [...files, 'pnpm-lock.yaml'].filter(
      (path) => path !== 'tests/src/repository.test.ts' && foreign.test(text(path)),
    );
    expect(found).toEqual([]);
  });
});

describe.each(documents)('%s', (path) => {
  const source = text(path);
  const code = [...source.matchAll(/^```\w*\n(.*?)^```/gms)].map(([, block = '']) => block).join('\n');
  const prose = source.replace(/^```.*?^```/gms, '');

  it('links to what is there', () => {
    for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^\w+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const linked = file ? posix.join(posix.dirname(path), file) : path;
      expectThere(linked);
      if (anchor) expect(anchorsOf(text(linked))).toContain(anchor);
    }
  });

  it('names files and folders that are there', () => {
    const named =
      /`((?:libs|apps|tests|bench|scripts|examples|docs)\/[\w./-]+(?:\.(?:ts|mjs|js|md|json|sql)|\/))`/g;
    for (const [, file = ''] of prose.matchAll(named)) expectThere(file);
  });

  it('tells commands that are there', () => {
    const scripts = Object.keys(manifestOf('.').scripts ?? {});
    for (const [, name = ''] of code.matchAll(/^(?:npm|pnpm)(?: run)? ([a-z][\w:-]*)/gm)) {
      if (!['install', 'add', 'ci'].includes(name)) expect(scripts).toContain(name);
    }
    for (const [, topic = '', name = ''] of code.matchAll(
      /^(?:.*\s)?flux (?:-- )?([a-z]+) ([a-z]+(?:-[a-z]+)*)\b/gm,
    )) {
      expectThere(join('apps/cli/src/commands', topic, `${name}.ts`));
    }
    for (const [, file = ''] of code.matchAll(/^(?:node|bash) ([\w./-]+)/gm)) expectThere(dirname(file));
  });
});

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}
