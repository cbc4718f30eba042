/** What the repository says of itself: its layers, its commands, its documents. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

interface Layers {
  readonly LAYERS: Readonly<Record<string, readonly string[] | 'any'>>;
  readonly APART: readonly { readonly files: string; readonly may: readonly string[] }[];
  readonly TOOLS: readonly { readonly packages: readonly string[]; readonly only: readonly string[] }[];
  layerOf(path: string): string | undefined;
  importFault(path: string, specifier: string, lazy: boolean): string | undefined;
}
interface Words {
  ownFiles(folder: string): string[];
  wrongWords(folder: string): string[];
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

const { LAYERS, APART, TOOLS, importFault, layerOf } = await script<Layers>('layers.mjs');
const { ownFiles, wrongWords } = await script<Words>('words.mjs');
const files = ownFiles(root);
const documents = files.filter((path) => path.endsWith('.md'));
const folders = Object.keys(LAYERS);
const nameOf = (folder: string): string => posix.basename(folder);
const manifestOf = (folder: string): Manifest => JSON.parse(text(join(folder, 'package.json'))) as Manifest;

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
    const beyond = dependenciesOf(folder).filter((name) => !allowed.includes(name) && !apart.includes(name));
    expect(beyond).toEqual([]);
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
      ['apps/worker/src/index.ts', '@flux/contracts/values'],
      ['apps/api/src/index.ts', 'amqplib'],
      ['apps/api/src/index.ts', '@flux/sdk'],
      ['apps/cli/src/commands/workflow/run.ts', '@flux/api'],
      ['apps/cli/src/commands/start/server.ts', '@flux/api'],
      ['apps/cli/src/commands/start/server.ts', '../../parts/server.js'],
    ] as const;
    for (const [path, specifier] of refused) expect(importFault(path, specifier, false)).toMatch(/\w/);
    const allowed = [
      ['libs/domain/src/states.spec.ts', '@jest/globals', false],
      ['libs/contracts/src/rest.ts', '@flux/domain', false],
      ['apps/cli/src/commands/start/server.ts', '../../parts/server.js', true],
      ['apps/cli/src/parts/server.ts', '@flux/api', false],
      ['apps/worker/src/runtime/child-wish.ts', '@flux/contracts/values', false],
      ['tests/src/repository.test.ts', '@flux/worker', false],
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
        expect([path, existsSync(join(root, source))]).toEqual([path, true]);
      }
    }
  });
});

describe('the words', () => {
  it('are spelled one way', () => {
    expect(wrongWords(root)).toEqual([]);
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
      expect([target, existsSync(join(root, linked))]).toEqual([target, true]);
      if (anchor) expect(anchorsOf(text(linked))).toContain(anchor);
    }
  });

  it('names files that are there', () => {
    const named = /`((?:libs|apps|tests|bench|scripts|examples|docs)\/[\w./-]+\.(?:ts|mjs|js|md|json|sql))`/g;
    for (const [, file = ''] of prose.matchAll(named)) {
      expect([file, existsSync(join(root, file))]).toEqual([file, true]);
    }
  });

  it('tells commands that are there', () => {
    const scripts = Object.keys(manifestOf('.').scripts ?? {});
    for (const [, name = ''] of code.matchAll(/^(?:npm|pnpm)(?: run)? ([a-z][\w:-]*)/gm)) {
      if (!['install', 'add', 'ci'].includes(name)) expect(scripts).toContain(name);
    }
    for (const [, topic = '', name = ''] of code.matchAll(/^(?:.*\s)?flux (?:-- )?([a-z]+) ([a-z]+)\b/gm)) {
      const command = join('apps/cli/src/commands', topic, `${name}.ts`);
      expect([command, existsSync(join(root, command))]).toEqual([command, true]);
    }
    for (const [, file = ''] of code.matchAll(/^(?:node|bash) ([\w./-]+)/gm)) {
      expect([file, existsSync(join(root, dirname(file)))]).toEqual([file, true]);
    }
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
