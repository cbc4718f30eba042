#!/usr/bin/env bash
# playwright-core 1.65.1 with an installed Chromium: what is left of a page whose call is given up.
#
# Behaviour: `goto` that is aborted, or whose time is up, rejects while the page goes on loading: the navigation is
# not stopped. Only `page.close()` ends it, as it ends a script of the page that `evaluate` was waiting for and that a
# race has given up. A `click` and a request of `page.request` leave nothing.
# Why it matters: a page that is used again after a timeout shows what the navigation before brings, some seconds
# later.
#
# Output seen:
#   evaluate, given up by a race: rejects the reason; left: its script goes on
#   evaluate, page.close(): rejects Error, cause none; left: nothing
#   goto, a signal among the options: rejects AbortError, cause the reason; left: its request is open
#   goto, timeout: rejects TimeoutError, cause none; left: its request is open
#   click, a signal among the options: rejects AbortError, cause the reason; left: nothing
#   page.request.get, timeout: rejects TimeoutError, cause none; left: nothing
set -euo pipefail
script=$(realpath "$0")
chromium=$(command -v chromium || true)
[ -n "$chromium" ] || { echo 'needs chromium: not run here'; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund playwright-core@1.65.1 >/dev/null

cat >browser.mjs <<'JS'
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

let beats = 0;
let open = 0;
const server = http.createServer((request, response) => {
  if (request.url === '/beat') {
    beats += 1;
    response.end();
  } else if (request.url === '/slow') {
    open += 1;
    response.on('close', () => (open -= 1));
  } else response.writeHead(200, { 'content-type': 'text/html' }).end('<button disabled>x</button>');
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${server.address().port}`;
const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: process.argv[2], args });

async function goesOn() {
  const before = beats;
  await sleep(1_000);
  return beats > before;
}

async function stopped(name, begin, stop) {
  const page = await browser.newPage();
  await page.goto(url);
  const controller = new AbortController();
  const reason = new Error('stop');
  const end = begin(page, controller.signal).then(() => 'resolves', (error) => (error === reason ? 'rejects the reason' : `rejects ${error.name}, cause ${error.cause === reason ? 'the reason' : 'none'}`));
  await sleep(700);
  controller.abort(reason);
  await stop?.(page);
  const how = await Promise.race([end, sleep(2_000, 'waits')]);
  const left = [(await goesOn()) && 'its script goes on', open > 0 && 'its request is open'].filter(Boolean);
  console.log(`${name}: ${how}; left: ${left.join(', ') || 'nothing'}`);
  await page.close();
}
const loop = async () => {
  for (;;) await fetch('/beat').then(() => new Promise((resolve) => setTimeout(resolve, 50)));
};
await stopped('evaluate, given up by a race', (page, signal) => {
  const given = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  return Promise.race([page.evaluate(loop), given]);
});
await stopped('evaluate, page.close()', (page) => page.evaluate(loop), (page) => page.close());
await stopped('goto, a signal among the options', (page, signal) => page.goto(`${url}/slow`, { signal }));
await stopped('goto, timeout', (page) => page.goto(`${url}/slow`, { timeout: 300 }));
await stopped('click, a signal among the options', (page, signal) => page.click('button', { signal }));
await stopped('page.request.get, timeout', (page) => page.request.get(`${url}/slow`, { timeout: 300 }));
await browser.close();
process.exit();
JS
node browser.mjs "$chromium" | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: something else is left in the browser'; exit 1; }
