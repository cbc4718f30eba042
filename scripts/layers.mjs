/**
 * The table of who may import whom, as ARCHITECTURE.md has it. `eslint.config.mjs` holds every import to these tables
 * and `tests/src/repository.test.ts` every package.json; a new arrow is a decision, so it is made here first.
 */
import { posix } from 'node:path';

/** Folder of each package, and the @flux packages its code may import. */
export const LAYERS = {
  'libs/domain': [],
  'libs/contracts': ['domain'],
  'libs/messaging': ['domain', 'contracts'],
  'libs/sdk': ['domain', 'contracts'],
  'libs/client': ['contracts', 'domain'],
  'libs/testing': [],
  'apps/api': ['domain', 'contracts', 'messaging'],
  'apps/worker': ['domain', 'contracts', 'messaging', 'sdk'],
  'apps/cli': ['client', 'contracts'],
  'apps/dev-server': ['api', 'worker', 'messaging', 'contracts'],
  examples: ['sdk'],
  tests: 'any',
  bench: 'any',
};

/** Packages for tests alone: any package's specs and `testing` folders may import them, nothing else. */
export const FOR_TESTS = ['testing'];

/** Packages that go beyond their layer, where, and why; the rest of the layer loads these files lazily. */
export const APART = [
  {
    files: 'apps/cli/src/parts/',
    may: ['api', 'worker', 'dev-server', 'messaging'],
    why: 'only the start commands load a server, each in a bundle of its own',
  },
];

/**
 * The rooms of a package's `src` from the ground up, folders and files alike: an import goes down only, of a type
 * too. Specs and `testing/` stand above all of them.
 */
export const ROOMS = {
  'libs/messaging': [
    'in-flight',
    'port',
    'lean-heap',
    'delivery-policy',
    'bus-server',
    'bus-base',
    'memory',
    'rabbitmq',
    'index',
  ],
  'apps/cli': [
    'exit-codes',
    'invocation',
    'output',
    'prose',
    'errors',
    'index',
    'serve',
    'flux-command',
    'hooks',
    'input',
    'interruption',
    'main',
    'parts',
    'bulk-command',
    'execution-command',
    'schedule-command',
    'worker-command',
    'commands',
  ],
  'apps/api': [
    'settings',
    'lifecycle',
    'database',
    'flow',
    'store',
    'updates',
    'metrics',
    'registry',
    'dispatch',
    'executions',
    'fleet',
    'bulk-cancels',
    'schedules',
    'bus',
    'http',
    'app',
    'server',
    'index',
  ],
  'apps/worker': [
    'settings',
    'flow',
    'runtime',
    'wire',
    'programs',
    'inside-runner',
    'runners',
    'ownership',
    'attempts',
    'reports',
    'intake',
    'supervisor',
    'handlers',
    'worker',
    'index',
  ],
};

/** An entrance of a package other than its index, and the folders that may use it. */
export const SIDE_DOORS = [
  {
    specifier: '@flux/contracts/plain',
    only: ['apps/worker/src/runtime/', 'apps/worker/src/wire/', 'apps/worker/src/inside-runner/'],
    why: 'every runner loads these folders, and the schemas of all contracts would be a fifth of its memory',
  },
  {
    specifier: '@flux/messaging/lean-heap',
    only: ['apps/worker/src/inside-runner/'],
    why: 'a runner has no link to the broker',
  },
];

/** Third-party packages that only some folders may import; `name/` stands for a whole scope. */
export const TOOLS = [
  { packages: ['typeorm'], only: ['apps/api'], why: 'only the api writes the database' },
  {
    packages: ['pg'],
    only: ['apps/api', 'apps/dev-server', 'libs/testing', 'tests', 'bench'],
    why: 'only the api writes the database; the worker has no credentials for it',
  },
  {
    packages: ['amqplib'],
    only: ['libs/messaging', 'libs/testing', 'tests', 'bench'],
    why: 'the bus port of libs/messaging is the one way to the broker',
  },
  {
    packages: ['@nestjs/'],
    only: ['libs/messaging', 'apps/api', 'apps/worker', 'apps/dev-server', 'tests'],
    why: 'domain, contracts, sdk, client and cli are plain TypeScript',
  },
];

/** `libs/sdk` of `libs/sdk/src/index.ts`; undefined outside every package. */
export function layerOf(path) {
  return Object.keys(LAYERS).find((folder) => path.startsWith(`${folder}/`));
}

const SPEC_FILE = /\.(spec|test)\.ts$/;
const TEST_FOLDER = /\/src\/(\w+\/)*testing\//;
const SPEC_TOOLS = ['@jest/globals', 'fast-check'];

/**
 * Why the file `path` may not import `specifier`, or undefined. `lazy`: by `import()` or as a type only.
 * Paths are the repository's, with forward slashes.
 */
export function importFault(path, specifier, lazy) {
  const layer = layerOf(path);
  if (!layer) return undefined;
  if (specifier.startsWith('.')) return relativeFault(path, layer, specifier, lazy);
  if (specifier.startsWith('@flux/')) return packageFault(path, layer, specifier);
  if (layer === 'libs/domain' && !(SPEC_FILE.test(path) && SPEC_TOOLS.includes(specifier)))
    return `libs/domain imports nothing, '${specifier}' neither: what needs it belongs a layer up.`;
  const tool = TOOLS.find(({ packages }) => packages.some((name) => covers(name, specifier)));
  if (!tool || tool.only.includes(layer)) return undefined;
  return `${layer} may not import '${specifier}' (${tool.only.join(', ')} may): ${tool.why}.`;
}

function relativeFault(path, layer, specifier, lazy) {
  const target = posix.join(posix.dirname(path), specifier);
  const apart = APART.find(({ files }) => target.startsWith(files) && !path.startsWith(files));
  if (apart && !lazy) return `Load '${specifier}' lazily, await import('${specifier}'): ${apart.why}.`;
  if (`${target}/`.startsWith(`${layer}/`)) return roomFault(path, layer, target);
  return `'${specifier}' leaves ${layer}: import another package by its name, '@flux/…', never by a path.`;
}

/** The room of a file of `layer`, such as `http`; undefined above all rooms, and where a package has none. */
export function roomOf(path, layer = layerOf(path)) {
  if (!path.startsWith(`${layer}/src/`)) return undefined;
  const [name] = path.slice(`${layer}/src/`.length).split('/');
  const above = SPEC_FILE.test(path) || name === 'testing' || path.includes('/testing/');
  return ROOMS[layer] && !above ? name.replace(/\.[jt]s$/, '') : undefined;
}

function roomFault(path, layer, target) {
  const from = roomOf(path, layer);
  const to = roomOf(target, layer);
  if (from === undefined || from === to) return undefined;
  if (to === undefined) return `'${target}' is for tests.`;
  const rooms = ROOMS[layer];
  if (rooms.indexOf(to) < rooms.indexOf(from)) return undefined;
  return `'${from}' is below '${to}' in the rooms of ${layer} (scripts/layers.mjs): an import goes down only, of a type too.`;
}

function packageFault(path, layer, specifier) {
  const [, name, ...deeper] = specifier.split('/');
  const forTests = deeper[0] === 'testing' && (layer === 'tests' || SPEC_FILE.test(path));
  const door = SIDE_DOORS.some(
    (each) => each.specifier === specifier && each.only.some((folder) => path.startsWith(folder)),
  );
  if (deeper.length > 0 && !forTests && !door)
    return `'${specifier}' reaches past the index of @flux/${name}: export there what others need, and import '@flux/${name}'.`;
  if (layer.split('/').at(-1) === name)
    return `${layer} imports its own files by relative path, not by its name.`;
  const allowed = LAYERS[layer];
  if (allowed === 'any' || allowed.includes(name)) return undefined;
  if (FOR_TESTS.includes(name) && (SPEC_FILE.test(path) || TEST_FOLDER.test(path))) return undefined;
  if (APART.some(({ files, may }) => path.startsWith(files) && may.includes(name))) return undefined;
  const may = allowed.length > 0 ? `only ${allowed.map((other) => `@flux/${other}`).join(', ')}` : 'nothing';
  return `${layer} may not import '${specifier}': it imports ${may} (scripts/layers.mjs, ARCHITECTURE.md).`;
}

const covers = (name, specifier) =>
  specifier === name || specifier.startsWith(name.endsWith('/') ? name : `${name}/`);
