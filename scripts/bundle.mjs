/**
 * Packs what `flux` runs into four files below `apps/cli/bundle`, its dependencies included: the command line, and
 * what `flux start` boots, each part alone. Node reads some 2,000 modules for an api otherwise, which is more than
 * half of its start. Runners are not packed: they share `@flux/sdk` and zod with the user's workflows.
 */
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, posix, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const cli = join(root, 'apps', 'cli');
const dist = join(cli, 'dist');
const bundle = join(cli, 'bundle');
const stamp = join(bundle, '.inputs');
const PARTS = ['server', 'worker', 'dev'];
/** A built module of ours: the folder of its package, and where it is below `dist`. */
const BUILT = /^(.*[\\/](?:apps|libs)[\\/]\w[\w-]*)[\\/]dist[\\/](.*\.js)$/;

/** Libraries look for these and do without. */
const OPTIONAL = ['typescript', 'pg-native'];

const filesBelow = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith('.js'))
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
    : [];

/** Changes with every file that goes into the bundle. */
function inputs() {
  const hash = createHash('sha256');
  hash.update(readFileSync(join(root, 'pnpm-lock.yaml'))).update(readFileSync(import.meta.filename));
  const packages = ['libs', 'apps'].flatMap((kind) =>
    readdirSync(join(root, kind)).map((name) => join(root, kind, name, 'dist')),
  );
  for (const file of packages.flatMap(filesBelow)) {
    hash.update(relative(root, file)).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** `flux` itself: its commands by their ids, as oclif wants them, and what runs them. */
function commandLine() {
  const commands = filesBelow(join(dist, 'commands')).map((file) =>
    relative(dist, file).replaceAll('\\', '/'),
  );
  const ids = commands.map((file) => file.slice('commands/'.length, -'.js'.length).replaceAll('/', ':'));
  return [
    ...commands.map((file, at) => `import command${at} from './${file}';`),
    `export const COMMANDS = { ${ids.map((id, at) => `'${id}': command${at}`).join(', ')} };`,
    `export { default as COMMAND_NOT_FOUND } from './hooks/command-not-found.js';`,
    `export { main } from './main.js';`,
  ].join('\n');
}

/** The expression of a built module's own url in the bundle, which is a part of `@flux/cli`. */
function urlOf(path) {
  const [, folder, file] = BUILT.exec(path);
  if (folder === cli) return `new URL('../dist/${file.replaceAll('\\', '/')}', import.meta.url).href`;
  const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  // Fails here and now for a package that the command line does not depend on.
  const main = createRequire(join(cli, 'package.json')).resolve(name);
  const here = relative(dirname(main), path).replaceAll('\\', '/');
  return `new URL('${here}', bundleUrl(require.resolve('${name}'))).href`;
}

const plugin = {
  name: 'flux',
  setup({ onLoad, onResolve, resolve }) {
    onResolve({ filter: /^flux:command-line$/ }, ({ path }) => ({ path, namespace: 'flux' }));
    onLoad({ filter: /.*/, namespace: 'flux' }, () => ({ contents: commandLine(), resolveDir: dist }));
    // The command line finds the parts beside itself.
    onResolve({ filter: /\/parts\/\w+\.js$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: `./${posix.basename(path)}`, external: true } : undefined,
    );
    // jsonc-parser's CommonJS hands `require` on, so that its other files would be looked for beside the bundle.
    onResolve({ filter: /^jsonc-parser$/ }, ({ path, resolveDir }) => ({
      path: createRequire(join(resolveDir, 'any.js')).resolve(`${path}/lib/esm/main.js`),
    }));
    // Drivers, transports and loaders that are not installed: whoever asks for one handles that it is missing.
    onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === 'asked') return undefined;
      if (OPTIONAL.includes(path)) return { path, external: true };
      const found = await resolve(path, { ...from, pluginData: 'asked' });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
    // Our modules find files beside themselves, where their packages are: installed, that is not where they are here.
    onLoad({ filter: BUILT }, ({ path }) => {
      return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', () => urlOf(path)) };
    });
  },
};

/** Has only those named again that the bundle has renamed, and no arrow functions: each closure of a hot path would pay for it. */
function checkNames(file) {
  const text = readFileSync(file, 'utf8');
  const named = text.replace(
    /^var __name = \((\w+), (\w+)\) => /m,
    (start, target, value) =>
      `${start}${target}.name === ${value} || !('prototype' in ${target}) ? ${target} : `,
  );
  // esbuild's own helper, whose form may change with a new version.
  if (named === text && text.includes('__name('))
    throw new Error(`${file} names functions in an unknown way`);
  writeFileSync(file, named);
}

const wanted = inputs();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  rmSync(bundle, { recursive: true, force: true });
  await build({
    entryPoints: {
      flux: 'flux:command-line',
      ...Object.fromEntries(PARTS.map((part) => [part, join(dist, 'parts', `${part}.js`)])),
    },
    outdir: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Nest and TypeORM tell classes apart by their names.
    keepNames: true,
    legalComments: 'none',
    // A debugger finds the TypeScript; Node itself does not read them.
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
    // CommonJS modules have these of Node.
    banner: {
      js: [
        `import { createRequire as bundleRequire } from 'node:module';`,
        `import { fileURLToPath as bundlePath, pathToFileURL as bundleUrl } from 'node:url';`,
        `const require = bundleRequire(import.meta.url);`,
        `const __filename = bundlePath(import.meta.url);`,
        `const __dirname = bundlePath(new URL('.', import.meta.url));`,
      ].join('\n'),
    },
    plugins: [plugin],
  });
  readdirSync(bundle)
    .filter((name) => name.endsWith('.js'))
    .forEach((name) => checkNames(join(bundle, name)));
  writeFileSync(stamp, wanted);
}
