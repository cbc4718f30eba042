#!/usr/bin/env bash
# child_process of Node 20.20.2, execa 9.6.0, zx 8.8.5 and tinyexec 1.4.0: what an abort leaves of a program that has
# started another one.
#
# Behaviour: each runs a shell that starts `sleep` and waits for it, and is aborted. Their direct child alone is
# ended, and what it had started lives on; for `exec` the direct child is a shell of its own. `spawn`, `exec`,
# `execFile` and `fork` reject at once, also where the child ignores SIGTERM and is still there. execa and tinyexec
# wait for as long as what is left holds the output open, and then tinyexec resolves, as if nothing had happened; with
# `throwOnError` it rejects without a word of the abort.
# Why it matters: `npm run`, `sh -c` and most wrappers start what they are asked to run as a child of their own. What
# was to be ended goes on writing, and nobody holds its pid any more.
#
# Output seen:
#   spawn: rejects AbortError ABORT_ERR, cause the reason; left: what it started
#   exec: rejects AbortError ABORT_ERR, cause the reason; left: the shell and what it started
#   execFile: rejects AbortError ABORT_ERR, cause the reason; left: what it started
#   execa: goes on waiting, then rejects ExecaError, cause the reason; left: what it started
#   zx: rejects _ProcessOutput, cause the reason; left: what it started
#   tinyexec: goes on waiting, then resolves; left: what it started
#   tinyexec, throwOnError: goes on waiting, then rejects NonZeroExitError, cause none; left: what it started
#   fork: rejects AbortError ABORT_ERR, cause the reason; left: the shell and what it started
#   spawn of what ignores SIGTERM: rejects AbortError ABORT_ERR, cause the reason; left: the shell
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
npm install --loglevel=error --no-audit --no-fund execa@9.6.0 zx@8.8.5 tinyexec@1.4.0 \
  "node-linux-$(node -p process.arch)@20.20.2" >/dev/null

cat >programs.mjs <<'JS'
import { exec, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { execa } from 'execa';
import { x } from 'tinyexec';
import { $ } from 'zx';

writeFileSync('outer.sh', 'sleep 60 & echo "$$ $!" >pids.tmp; mv pids.tmp pids; wait');
writeFileSync('deaf.sh', 'trap "" TERM; echo "$$ $$" >pids.tmp; mv pids.tmp pids; while :; do sleep 0.1; done');
writeFileSync('fork.mjs', 'import { spawnSync } from "node:child_process"; spawnSync("sh", ["outer.sh"]);');

/** Whether a process is there that is no zombie. */
function lives(pid) {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition, ms) {
  for (const end = Date.now() + ms; Date.now() < end && !condition(); ) await sleep(20);
  return condition();
}

function told(outcome, reason) {
  if (outcome.waits) return 'goes on waiting';
  if (!(outcome.error instanceof Error)) return 'resolves';
  const { constructor, code, cause } = outcome.error;
  const why = cause === reason || cause?.cause === reason ? 'the reason' : 'none';
  return `rejects ${constructor.name}${typeof code === 'string' ? ` ${code}` : ''}, cause ${why}`;
}

async function aborted(run, file = 'outer.sh') {
  rmSync('pids', { force: true });
  const controller = new AbortController();
  const reason = new Error('stop');
  const end = run(file, controller.signal).then((value) => ({ value }), (error) => ({ error }));
  if (!(await until(() => existsSync('pids'), 20_000))) throw new Error('the program did not start');
  const [outer, inner] = readFileSync('pids', 'utf8').trim().split(' ').map(Number);
  controller.abort(reason);
  const first = await Promise.race([end, sleep(2_000, { waits: true })]);
  await until(() => !lives(outer), 1_000);
  await until(() => !lives(inner), 500);
  const left = [lives(outer) && 'the shell', inner !== outer && lives(inner) && 'what it started'].filter(Boolean);
  for (const pid of [outer, inner]) if (lives(pid)) process.kill(pid, 'SIGKILL');
  const last = first.waits ? `, then ${told(await end, reason)}` : '';
  return `${told(first, reason)}${last}; left: ${left.join(' and ') || 'nothing'}`;
}

const runs = {
  spawn: (file, signal) => once(spawn('sh', [file], { signal }), 'close'),
  exec: (file, signal) => promisify(exec)(`sh ${file}; true`, { signal }),
  execFile: (file, signal) => promisify(execFile)('sh', [file], { signal }),
  execa: async (file, cancelSignal) => execa('sh', [file], { cancelSignal }),
  zx: async (file, signal) => $({ signal, quiet: true })`sh ${file}`,
  tinyexec: async (file, signal) => x('sh', [file], { signal }),
  'tinyexec, throwOnError': async (file, signal) => x('sh', [file], { signal, throwOnError: true }),
};
for (const [name, run] of Object.entries(runs)) console.log(`${name}: ${await aborted(run)}`);
console.log(`fork: ${await aborted((_file, signal) => once(fork('fork.mjs', { signal }), 'close'))}`);
console.log(`spawn of what ignores SIGTERM: ${await aborted(runs.spawn, 'deaf.sh')}`);
process.exit();
JS
node_modules/node-linux-*/bin/node programs.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: an abort leaves something else of programs'; exit 1; }
