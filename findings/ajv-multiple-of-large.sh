#!/usr/bin/env bash
# ajv 8.20.0: `multipleOf` refuses large multiples.
#
# Behaviour: ajv compiles `multipleOf: 5` to `data / 5 !== parseInt(data / 5)`. From 1e21 on JavaScript writes a number
# with an exponent, and parseInt reads `2e+21` as 2. So 1e22, a multiple of 5, is refused, where 1e21 is taken.
# Why it matters: a large value, such as an amount in the smallest unit of a currency, fails a rule that it keeps.
#
# Output seen:
#   multipleOf 5: 1e21 is taken, 1e22 is refused
#   multipleOf 1: 1e20 is taken, 1e21 is refused
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund ajv@8.20.0 >/dev/null

cat >multiple.mjs <<'JS'
import Ajv from 'ajv/dist/2020.js';

const word = (step, value) => (new Ajv.default({ strict: false }).validate({ multipleOf: step }, value) ? 'taken' : 'refused');
const seen = [
  `multipleOf 5: 1e21 is ${word(5, 1e21)}, 1e22 is ${word(5, 1e22)}`,
  `multipleOf 1: 1e20 is ${word(1, 1e20)}, 1e21 is ${word(1, 1e21)}`,
];
console.log(seen.join('\n'));
if (seen.some((line) => !/taken, .*refused$/.test(line))) {
  console.log('changed: ajv takes them, or refuses others');
  process.exitCode = 1;
}
JS
node multiple.mjs
