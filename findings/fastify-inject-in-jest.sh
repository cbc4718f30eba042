#!/usr/bin/env bash
# fastify 5.12.8 (light-my-request 6.8.1, cookie 2.0.2) in Jest 30.5.2 on Node 20.20.2: `inject()` cannot be loaded.
#
# Behaviour: `app.inject()` answers in Node itself and fails in a test, with --experimental-vm-modules too.
# light-my-request is CommonJS and requires cookie 2, which is ESM alone. Node has allowed that since 20.19; Jest
# has a `require` of its own, which can do so from Node 24.9 on.
# Why it matters: inject() is fastify's documented way to test routes, and the failure blames a package that neither
# the test nor the application names. An npm override of cookie to 1.0.2 gets round it.
#
# Output seen:
#   v20.20.2
#   in Node: 200 hello
#   in Jest: Must use import to load ES Module: node_modules/cookie/dist/index.js
#   in Jest: 1 test failed
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error --no-audit --no-fund fastify@5.12.8 light-my-request@6.8.1 cookie@2.0.2 jest@30.5.2 \
  "node-linux-$(node -p process.arch)@20.20.2" >/dev/null
node20=$(echo node_modules/node-linux-*/bin/node)

cat >app.js <<'JS'
import fastify from 'fastify';

export const app = fastify();
app.get('/', () => Promise.resolve('hello'));
JS
cat >plain.js <<'JS'
import { app } from './app.js';

const { statusCode, body } = await app.inject('/');
console.log(`in Node: ${statusCode} ${body}`);
JS
cat >app.test.js <<'JS'
import { app } from './app.js';

test('the route answers', async () => {
  expect((await app.inject('/')).body).toBe('hello');
});
JS

"$node20" --version
plain=$("$node20" plain.js)
echo "$plain"
"$node20" --experimental-vm-modules node_modules/jest/bin/jest.js --json --outputFile=result.json >jest.log 2>&1 || true
cat >judge.js <<'JS'
import { readFileSync, realpathSync } from 'node:fs';

const result = JSON.parse(readFileSync('result.json', 'utf8'));
const message = result.testResults.map((file) => file.assertionResults[0]?.failureMessages.join('') ?? file.message);
const line = /Must use import to load ES Module: \S+/.exec(message.join(''))?.[0].replace(`${realpathSync('.')}/`, '');
console.log(`in Jest: ${line ?? 'no complaint about an ES module'}`);
console.log(`in Jest: ${result.numFailedTests} test failed`);
if (process.argv[2] === 'in Node: 200 hello' && line && result.numFailedTests === 1) process.exit(0);
console.log('changed: inject() no longer works in Node and fails in Jest');
process.exit(1);
JS
"$node20" judge.js "$plain"
