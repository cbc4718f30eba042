/**
 * Brings a checkout to a state in which everything runs: packages installed, TypeScript built. Does only what
 * is missing, so a second call takes a moment; two at once take turns. Reads no input.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { packageManager } = readJson('package.json');
const lock = join(root, 'node_modules', '.flux-setup.lock');
const stamp = join(root, 'node_modules', '.flux-setup');
const packages = ['libs', 'apps']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .concat('examples', 'tests', 'bench')
  .filter((folder) => existsSync(join(root, folder, 'package.json')));

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

/** Runs a command to its end with its output on stderr; setup ends with it when it fails. */
async function run(command, args) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, npm_config_loglevel: 'error', npm_config_update_notifier: 'false' },
  });
  const stop = (signal) => child.kill(signal);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const [status, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (...end) => resolve(end));
  });
  process.off('SIGINT', stop).off('SIGTERM', stop);
  if (status === 0) return;
  console.error(`flux: setup stopped: "${[command, ...args].join(' ')}" ended with ${status ?? signal}`);
  process.exit(status ?? 1);
}

/** Lets one setup of a checkout work at a time. Its owner touches the lock, so a dead owner's is known by age. */
async function takeTurn() {
  const own = `${process.pid} ${Date.now()}`;
  mkdirSync(dirname(lock), { recursive: true });
  for (let told = false; ; await sleep(200)) {
    try {
      writeFileSync(lock, own, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > 10_000) {
      // The last to write has an abandoned lock that several take over at once.
      writeFileSync(lock, own);
      await sleep(300);
      if (readFileSync(lock, 'utf8') === own) break;
    }
    if (!told) console.error('flux: waiting for another setup of this checkout …');
    told = true;
  }
  setInterval(() => writeFileSync(lock, own), 1000).unref();
  process.on('exit', () => rmSync(lock, { force: true }));
}

/** The files that the installed packages depend on beside the registry. */
function fingerprint() {
  const hash = createHash('sha256').update(`${packageManager} ${process.platform} ${process.arch}`);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/** Whether every dependency that a package.json names is there; a link into a store that is gone is not. */
function everythingLinked() {
  return ['.', ...packages].every((folder) => {
    const { dependencies, devDependencies } = readJson(join(folder, 'package.json'));
    return Object.keys({ ...dependencies, ...devDependencies }).every((name) =>
      existsSync(join(root, folder, 'node_modules', name, 'package.json')),
    );
  });
}

async function install() {
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && everythingLinked()) return;
  console.error('flux: installing packages …');
  // An install that is cut short must not look finished.
  rmSync(stamp, { force: true });
  await run('npx', [
    '--yes',
    packageManager,
    'install',
    '--frozen-lockfile',
    '--config.confirm-modules-purge=false',
    '--reporter=append-only',
    '--loglevel=warn',
  ]);
  writeFileSync(stamp, wanted);
}

/** Removes what was built from sources that are gone: the CLI would offer a deleted command, for one. */
function removeOrphans() {
  for (const folder of packages) {
    const dist = join(root, folder, 'dist');
    // Workflows of the tests lie beside their `src`.
    const sources = [join(root, folder, 'src'), join(root, folder)];
    for (const entry of existsSync(dist) ? readdirSync(dist, { recursive: true, withFileTypes: true }) : []) {
      const built = join(entry.parentPath, entry.name);
      const source = relative(dist, built).replace(/\.(js|d\.ts)(\.map)?$/, '.ts');
      if (!/\.(js|d\.ts)(\.map)?$/.test(entry.name)) continue;
      if (!sources.some((place) => existsSync(join(place, source)))) rmSync(built);
    }
  }
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`flux: Node ${process.versions.node} is too old: Flux needs Node 20.19 or newer`);
  process.exit(1);
}
await takeTurn();
await install();
removeOrphans();
// The compiler in Go, four times as fast; typescript-eslint needs the one in JavaScript.
await run(process.execPath, [join(root, 'node_modules', 'typescript-native', 'bin', 'tsc'), '-b']);
await run(process.execPath, [join(root, 'scripts', 'bundle.mjs')]);
