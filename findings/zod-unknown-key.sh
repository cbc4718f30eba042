#!/usr/bin/env bash
# zod 4.6.7 (4.3.6 and 3.25.76 beside): an object refuses a missing key whose schema accepts undefined.
#
# Behaviour: `z.unknown()` and `z.any()` accept undefined, and so does `{ a: undefined }`; but `{}` is refused by
# `z.object({ a: z.unknown() })` with "expected nonoptional". The same holds for `z.string().or(z.undefined())`. Up
# to 4.3 all of them took `{}`. The way to let a key be missing is `.optional()`.
# Why it matters: an update within 4.x turns requests away that were good before, of all things at the field that is
# meant to take anything; and undefined does not survive JSON, so `{ a: undefined }` at a sender is `{}` at a receiver.
#
# Output seen:
#   zod 3.25.76: unknown alone: accepted; { a: undefined }: accepted; {}: accepted; {} with string or undefined: accepted
#   zod 4.3.6: unknown alone: accepted; { a: undefined }: accepted; {}: accepted; {} with string or undefined: accepted
#   zod 4.6.7: unknown alone: accepted; { a: undefined }: accepted; {}: refused; {} with string or undefined: refused
#   zod 4.6.7 says: Invalid input: expected nonoptional, received undefined
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund zod@4.6.7 zod-4.3@npm:zod@4.3.6 zod-3@npm:zod@3.25.76 >/dev/null

cat >keys.mjs <<'JS'
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const seen = [];
for (const name of ['zod-3', 'zod-4.3', 'zod']) {
  const { z } = await import(name);
  const anything = z.object({ a: z.unknown() });
  const results = {
    'unknown alone': z.unknown().safeParse(undefined),
    '{ a: undefined }': anything.safeParse({ a: undefined }),
    '{}': anything.safeParse({}),
    '{} with string or undefined': z.object({ a: z.string().or(z.undefined()) }).safeParse({}),
  };
  const words = Object.entries(results).map(([title, { success }]) => `${title}: ${success ? 'accepted' : 'refused'}`);
  const title = `zod ${require(`${name}/package.json`).version}`;
  console.log(`${title}: ${words.join('; ')}`);
  const [issue] = results['{}'].error?.issues ?? [];
  if (issue) console.log(`${title} says: ${issue.message}`);
  seen.push(Object.values(results).map(({ success }) => (success ? 1 : 0)).join(''));
}
if (seen.join() !== '1111,1111,1100') {
  console.log('changed: zod treats the missing key otherwise');
  process.exitCode = 1;
}
JS
node keys.mjs
