#!/usr/bin/env bash
# typescript 7.0.2 (6.0.3 beside) on Node 20.20.2: SIGTERM to `tsc --watch` leaves the compiler running.
#
# Behaviour: TypeScript 7 is a native program. Its `bin/tsc` replaces itself by it where Node has `process.execve`
# (22.15 and later), and otherwise starts it with execFileSync and waits. A signal to that Node process ends the
# process alone: the compiler becomes an orphan, still watching and still writing output. 6.0.3 is one process.
# Why it matters: a dev script or a test that starts `tsc --watch` and kills what it started leaves a watcher behind
# each time, and two watchers then write the same files. Ctrl+C hides it, since a terminal signals the whole group.
#
# Output seen:
#   v20.20.2
#   typescript 6.0.3: ended by SIGTERM; what it had started: nothing
#   typescript 7.0.2: ended by SIGTERM; what it had started: still compiles a changed file
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
npm install --loglevel=error --no-audit --no-fund typescript-6@npm:typescript@6.0.3 \
  typescript-7@npm:typescript@7.0.2 \
  "node-linux-$(node -p process.arch)@20.20.2" >/dev/null

cat >signal.mjs <<'JS'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const childrenOf = (pid) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

async function until(condition, seconds) {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end && !condition(); ) await sleep(50);
  return condition();
}

/** What SIGTERM to the watching `tsc` of a package leaves of it. */
async function leftovers(name) {
  mkdirSync(`${name}/src`, { recursive: true });
  const options = { outDir: 'out', rootDir: 'src', module: 'nodenext', target: 'es2022', types: [] };
  writeFileSync(`${name}/tsconfig.json`, JSON.stringify({ compilerOptions: options, include: ['src'] }));
  writeFileSync(`${name}/src/code.ts`, 'export const word = "first";\n');
  const tsc = spawn(process.execPath, [`../node_modules/${name}/bin/tsc`, '--watch'], { cwd: name });
  let output = '';
  tsc.stdout.on('data', (data) => (output += data));
  const ready = await until(() => output.includes('Watching for file changes'), 60);
  const children = childrenOf(tsc.pid);
  tsc.kill();
  const [, signal] = await once(tsc, 'exit');
  writeFileSync(`${name}/src/code.ts`, 'export const word = "second";\n');
  const compiled = () => readFileSync(`${name}/out/code.js`, 'utf8').includes('second');
  const alive = children.filter((pid) => existsSync(`/proc/${pid}`));
  const works = ready && alive.length > 0 && (await until(compiled, 30));
  for (const pid of alive) process.kill(pid);
  await until(() => !alive.some((pid) => existsSync(`/proc/${pid}`)), 10);
  const left = works ? 'still compiles a changed file' : alive.length > 0 ? 'still runs' : 'nothing';
  if (!ready) throw new Error(`${name} did not come to watch: ${output}`);
  return `ended by ${signal}; what it had started: ${left}`;
}

console.log(process.version);
const seen = [];
for (const name of ['typescript-6', 'typescript-7']) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
  seen.push(await leftovers(name));
  console.log(`typescript ${version}: ${seen.at(-1)}`);
}
if (!seen[0].endsWith('nothing') || !seen[1].endsWith('still compiles a changed file')) {
  console.log('changed: SIGTERM leaves something else of tsc --watch');
  process.exitCode = 1;
}
JS
node_modules/node-linux-*/bin/node signal.mjs
