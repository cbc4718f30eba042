#!/usr/bin/env bash
# zod-openapi 5.4.6 with zod 4.6.7: a request schema listed in `components.schemas` is converted as a response too.
#
# Behaviour: a body with a transform (`z.string().transform(Number)`) documents well as a request, inline or as a
# component by `.meta({ id })`. Listed in `components.schemas`, where OpenAPI keeps its schemas and the package takes
# them, it makes createDocument throw "Zod transform found … not supported in output schemas", though no response uses
# it. `.meta({ unusedIO: 'input' })`, the documented way to set the direction of an unused component, does not help.
# Why it matters: the error sends one to change a schema that is right. The way out is an id in place of the list.
#
# Output seen:
#   inline in the request: documented
#   by .meta({ id }): documented
#   in components.schemas: Zod transform found at properties > seconds are not supported in output schemas
#   in components.schemas with unusedIO input: Zod transform found at properties > seconds are not supported in output schemas
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund zod@4.6.7 zod-openapi@5.4.6 >/dev/null

cat >document.mjs <<'JS'
import { z } from 'zod';
import { createDocument } from 'zod-openapi';

const pause = () => z.object({ seconds: z.string().transform(Number) });

/** An API of one operation, which takes `schema` as its request and answers without a body. */
const document = (schema, schemas) =>
  createDocument({
    openapi: '3.1.0',
    info: { title: 'pauses', version: '1' },
    paths: {
      '/pauses': {
        post: {
          requestBody: { content: { 'application/json': { schema } } },
          responses: { 204: { description: 'paused' } },
        },
      },
    },
    ...(schemas && { components: { schemas } }),
  });

const listed = pause();
const directed = pause().meta({ unusedIO: 'input' });
const seen = [];
for (const [title, make] of [
  ['inline in the request', () => document(pause())],
  ['by .meta({ id })', () => document(pause().meta({ id: 'Pause' }))],
  ['in components.schemas', () => document(listed, { Pause: listed })],
  ['in components.schemas with unusedIO input', () => document(directed, { Pause: directed })],
]) {
  let word = 'documented';
  try {
    make();
  } catch (error) {
    word = error.message.split('. ')[0];
  }
  console.log(`${title}: ${word}`);
  seen.push(word === 'documented' ? 1 : /^Zod transform found at /.test(word) ? 0 : '?');
}
if (seen.join('') !== '1100') {
  console.log('changed: a listed request schema is treated otherwise');
  process.exitCode = 1;
}
JS
node document.mjs
