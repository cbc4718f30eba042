#!/usr/bin/env bash
# Node 20.20.2 on Linux: a recursive fs.watch is deaf to a file after its first atomic save.
#
# Behaviour: `fs.watch(dir, { recursive: true })` reports the first time that a file is replaced (written beside and
# renamed over, as many editors save), and nothing of that file afterwards: no second save, no plain write. The same
# watch without `recursive` reports them all. Node 22.23.5 does as 20 does; Node 24.22.3 reports every save.
# Why it matters: a reload on change works once for each file and then runs old code without a word.
#
# Output seen:
#   v20.20.2
#   atomic save 1: recursive watch: reported; plain watch: reported
#   atomic save 2: recursive watch: silent; plain watch: reported
#   atomic save 3: recursive watch: silent; plain watch: reported
#   plain write: recursive watch: silent; plain watch: reported
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
npm install --loglevel=error --no-audit --no-fund "node-linux-$(node -p process.arch)@20.20.2" >/dev/null

cat >watch.mjs <<'JS'
import { mkdirSync, renameSync, watch, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

mkdirSync('watched');
writeFileSync('watched/settings.json', '0');
const told = { recursive: 0, plain: 0 };
const count = (which) => (event, name) => {
  if (name === 'settings.json') told[which] += 1;
};
const watchers = [
  watch('watched', { recursive: true }, count('recursive')),
  watch('watched', count('plain')),
];
await sleep(500);

const seen = [];
async function step(title, change) {
  told.recursive = told.plain = 0;
  change();
  for (let tries = 0; told.plain === 0 && tries < 100; tries += 1) await sleep(100);
  await sleep(1_000);
  const word = (which) => (told[which] > 0 ? 'reported' : 'silent');
  console.log(`${title}: recursive watch: ${word('recursive')}; plain watch: ${word('plain')}`);
  seen.push(told.recursive > 0, told.plain > 0);
}

console.log(process.version);
for (const number of [1, 2, 3]) {
  await step(`atomic save ${number}`, () => {
    writeFileSync('new.json', `save ${number}`);
    renameSync('new.json', 'watched/settings.json');
  });
}
await step('plain write', () => writeFileSync('watched/settings.json', 'written in place'));
for (const watcher of watchers) watcher.close();
if (seen.join() !== 'true,true,false,true,false,true,false,true') {
  console.log('changed: the recursive watch no longer goes deaf after the first atomic save');
  process.exitCode = 1;
}
JS
node_modules/node-linux-*/bin/node watch.mjs
