#!/usr/bin/env bash
# jsonc-parser 3.3.1 bundled by esbuild 0.28.2 for Node: the bundle builds without a warning and cannot start.
#
# Behaviour: for platform=node esbuild prefers `main` to `module`. The package's `main` is UMD, whose wrapper hands
# `require` to a factory as a value; a bundler cannot follow calls of it, so './impl/format' and its siblings stay
# outside. The build ends with 0 and no warning, and the bundle throws at its first line. With
# `--main-fields=module,main` it works.
# Why it matters: the build and every test of the sources pass; only a start of the bundle itself tells.
#
# Output seen:
#   main: built with 0 errors and 0 warnings; run: Cannot find module './impl/format'
#   module first: built with 0 errors and 0 warnings; run: {"a":1}
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund jsonc-parser@3.3.1 esbuild@0.28.2 >/dev/null

cat >entry.mjs <<'JS'
import { parse } from 'jsonc-parser';

console.log(JSON.stringify(parse('{ "a": 1 } // a comment')));
JS
cat >bundle.mjs <<'JS'
import { spawnSync } from 'node:child_process';
import { build } from 'esbuild';

const seen = [];
for (const [title, mainFields] of [
  ['main', undefined],
  ['module first', ['module', 'main']],
]) {
  const outfile = `${title.replace(' ', '-')}.cjs`;
  const { errors, warnings } = await build({
    entryPoints: ['entry.mjs'],
    bundle: true,
    platform: 'node',
    outfile,
    logLevel: 'silent',
    ...(mainFields && { mainFields }),
  });
  const { stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' });
  const word = stdout.trim() || (/Cannot find module '[^']*'/.exec(stderr)?.[0] ?? stderr);
  console.log(`${title}: built with ${errors.length} errors and ${warnings.length} warnings; run: ${word}`);
  seen.push(warnings.length, word);
}
if (seen.join() !== `0,Cannot find module './impl/format',0,{"a":1}`) {
  console.log('changed: the two bundles behave otherwise');
  process.exitCode = 1;
}
JS
node bundle.mjs
