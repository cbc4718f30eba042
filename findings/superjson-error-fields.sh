#!/usr/bin/env bash
# superjson 2.2.6: an error comes back with its name and message, and without the rest.
#
# Behaviour: `stringify` records of an Error that it is one, and keeps name, message and cause. Its `code`, its `status`,
# any other field of its own and the `errors` of an AggregateError are dropped without a word, and the stack comes back
# as undefined, unless each field is allowed by name with `allowErrorProps`.
# Why it matters: whoever records errors that way and decides by `error.code` later takes another way in a replay.
#
# Output seen:
#   kept: name=Error message=no answer; lost: code, status, stack
#   AggregateError: 2 errors before, 0 after
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund superjson@2.2.6 >/dev/null

cat >errors.mjs <<'JS'
import superjson from 'superjson';

const again = (value) => superjson.parse(superjson.stringify(value));
const before = Object.assign(new Error('no answer'), { code: 'ECONNREFUSED', status: 503 });
const after = again(before);
const lost = ['code', 'status', 'stack'].filter((field) => after[field] === undefined);
const both = new AggregateError([new Error('one'), new Error('two')], 'both');
const lines = [
  `kept: name=${after.name} message=${after.message}; lost: ${lost.join(', ')}`,
  `AggregateError: ${both.errors.length} errors before, ${again(both).errors?.length ?? 0} after`,
];
console.log(lines.join('\n'));
if (lost.length !== 3 || !lines[1].endsWith('0 after')) {
  console.log('changed: superjson keeps more of an error');
  process.exitCode = 1;
}
JS
node errors.mjs
