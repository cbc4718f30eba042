#!/usr/bin/env bash
# zod 4.6.7 (ajv 8.17.1 beside): z.toJSONSchema drops the flags of a regular expression.
#
# Behaviour: `.regex(/^run-\d+$/i)` becomes `"pattern": "^run-\\d+$"`. A JSON Schema pattern has no flags, and zod
# neither rewrites the expression nor throws, as it does for a bigint. So the schema refuses what zod accepts. An
# escape that only a pattern without the u flag may have (`\-` outside brackets) is copied too; ajv compiles with u,
# as JSON Schema recommends, and refuses the whole schema.
# Why it matters: a client generated or a gateway fed from the schema turns away input that the server takes.
#
# Output seen:
#   /^run-\d+$/i -> "^run-\\d+$"; "RUN-7": zod accepts, ajv refuses
#   /^a.b$/s -> "^a.b$"; "a\nb": zod accepts, ajv refuses
#   /^b$/m -> "^b$"; "a\nb": zod accepts, ajv refuses
#   /^a\-b$/ -> "^a\\-b$"; "a-b": zod accepts, ajv does not compile it
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund zod@4.6.7 ajv@8.17.1 >/dev/null

cat >flags.mjs <<'JS'
import Ajv from 'ajv/dist/2020.js';
import { z } from 'zod';

function verdict(schema, value) {
  let validate;
  try {
    validate = new Ajv.default().compile(schema);
  } catch {
    return 'does not compile it';
  }
  return validate(value) ? 'accepts' : 'refuses';
}

const seen = [];
for (const [expression, value] of [
  [/^run-\d+$/i, 'RUN-7'],
  [/^a.b$/s, 'a\nb'],
  [/^b$/m, 'a\nb'],
  [/^a\-b$/, 'a-b'],
]) {
  const zod = z.string().regex(expression);
  const schema = z.toJSONSchema(zod);
  const words = [zod.safeParse(value).success ? 'accepts' : 'refuses', verdict(schema, value)];
  const of = `${expression} -> ${JSON.stringify(schema.pattern)}; ${JSON.stringify(value)}`;
  console.log(`${of}: zod ${words[0]}, ajv ${words[1]}`);
  seen.push(words.join('/'));
}
if (seen.join() !== [...Array(3).fill('accepts/refuses'), 'accepts/does not compile it'].join()) {
  console.log('changed: zod and its JSON Schema agree, or disagree otherwise');
  process.exitCode = 1;
}
JS
node flags.mjs
