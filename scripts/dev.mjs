/**
 * `npm run dev`: Flux in its embedded mode, built and started anew after every change of a source or a workflow, on
 * the same data. Where a change does not compile, the compiler says why, and what was started last runs on. Arguments
 * are handed on to `flux start dev`.
 */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { watch } from 'chokidar';

const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2);
const { values } = parseArgs({ args, options: { workflows: { type: 'string' } }, strict: false });
const workflows = resolve(root, values.workflows ?? 'examples');
const tsc = join('node_modules', 'typescript-native', 'bin', 'tsc');
/** An editor writes several files, and some of them twice. */
const SETTLE_MS = 100;

const say = (line) => console.error(`dev: ${line}`);
const node = (words, env = {}) =>
  spawn(process.execPath, words, { cwd: root, stdio: 'inherit', env: { ...env, ...process.env } });
const succeeds = async (words) => (await once(node(words), 'exit'))[0] === 0;

const events = new EventEmitter();
let changed;
let stopping = false;
let flux;

function note(file) {
  if (!/\.[cm]?[jt]s$/.test(file) || file.endsWith('.spec.ts')) return;
  changed = true;
  events.emit('wake');
}

function stop() {
  stopping = true;
  events.emit('wake');
}

/** Resolves when the one that runs has closed what it holds. */
async function stopFlux() {
  const running = flux;
  flux = undefined;
  if (running?.exitCode !== null || running.signalCode !== null) return;
  running.kill('SIGTERM');
  await once(running, 'exit');
}

function startFlux() {
  const given = values.workflows === undefined ? ['--workflows', workflows] : [];
  // Executions are handed over to the next worker soon; that one goes on with it.
  const started = node(['apps/cli/bin/flux.js', 'start', 'dev', ...given, ...args], {
    FLUX_WORKER_DRAIN: '1s',
  });
  started.once('exit', (code, signal) => {
    if (flux === started && !stopping)
      say(`flux ended with ${code ?? signal}; the next change starts it again`);
  });
  flux = started;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
const sources = ['libs', 'apps'].flatMap((kind) =>
  readdirSync(join(root, kind)).map((name) => join(root, kind, name, 'src')),
);
const watcher = watch([...sources, workflows], { ignored: /node_modules/, ignoreInitial: true });
watcher.on('all', (_, file) => note(file));
await once(watcher, 'ready');
while (!stopping) {
  changed = false;
  if (!(await succeeds([tsc, '-b']))) say('that does not compile; what was started last runs on');
  else if (!(await succeeds(['scripts/bundle.mjs'])))
    say('that cannot be packed; what was started last runs on');
  else if (!stopping) {
    await stopFlux();
    if (!stopping) startFlux();
  }
  if (!changed && !stopping) await once(events, 'wake');
  if (!stopping) await sleep(SETTLE_MS);
}
await Promise.all([watcher.close(), stopFlux()]);
