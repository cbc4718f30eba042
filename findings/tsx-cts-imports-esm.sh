#!/usr/bin/env bash
# tsx 4.23.15 on Node 20.20.2: a .cts file that imports an ES module ends with a TypeError of Node's own.
#
# Behaviour: `require` of an ES module works in a .cjs file, as Node allows since 20.19, and in a .cts file that another
# CommonJS file requires. A .cts file that is imported, or started, fails: `Cannot read properties of undefined (reading
# 'exports')`. tsx's load hook hands the text of such a file to Node, which then gives the file a `require` of the module
# loader instead of the usual one; that looks for what it has loaded among CommonJS modules alone.
# Why it matters: the message names neither file nor package, and the same line works one suffix further.
#
# Output seen:
#   v20.20.2
#   cjs: 1
#   cts: TypeError: Cannot read properties of undefined (reading 'exports')
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error --no-audit --no-fund tsx@4.23.15 "node-linux-$(node -p process.arch)@20.20.2" >/dev/null
node20=$(echo node_modules/node-linux-*/bin/node)

mkdir node_modules/esm-only
echo '{ "name": "esm-only", "type": "module", "exports": "./index.js" }' >node_modules/esm-only/package.json
echo 'export const one = 1;' >node_modules/esm-only/index.js
echo "exports.one = require('esm-only').one;" >plain.cjs
echo "export { one } from 'esm-only';" >typed.cts
cat >both.mjs <<'JS'
const seen = [];
for (const file of ['plain.cjs', 'typed.cts']) {
  const read = () => import(`./${file}`).then((found) => String(found.one ?? found.default.one));
  seen.push(`${file.split('.')[1]}: ${await read().catch(String)}`);
}
console.log(seen.join('\n'));
if (seen[0] === 'cjs: 1' && /reading 'exports'/.test(seen[1])) process.exit(0);
console.log('changed: the .cts file imports the ES module, or the .cjs file does not');
process.exit(1);
JS
"$node20" --version
"$node20" --import tsx both.mjs
