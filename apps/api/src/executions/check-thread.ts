import { parentPort, workerData } from 'node:worker_threads';
import { compileSchema, type Check } from './compiled-schema.js';
import type { CheckAnswer, CheckRequest, CheckThreadData } from './check-threads.js';

/** The entry of a thread that checks inputs. It may be stopped at any moment, in the middle of a pattern too. */

const MOST_COMPILED = 1_000;

const { length, place } = workerData as CheckThreadData;
const encoder = new TextEncoder();
const compiled = new Map<string, Check>();

function tellPlace(path = ''): void {
  Atomics.store(length, 0, encoder.encodeInto(path, place).written);
}

function checkOf({ schemaText, patterns }: CheckRequest): Check {
  const key = `${patterns}${schemaText}`;
  const known = compiled.get(key);
  if (known) return known;
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  const schema = JSON.parse(schemaText) as Readonly<Record<string, unknown>>;
  const check = compileSchema(schema, patterns ? tellPlace : undefined);
  compiled.set(key, check);
  return check;
}

function answer(request: CheckRequest): CheckAnswer {
  let check: Check;
  try {
    check = checkOf(request);
  } catch (error) {
    return { kind: 'no_schema', reason: error instanceof Error ? error.message : String(error) };
  }
  try {
    return { kind: 'checked', faults: 'input' in request ? check(request.input) : [] };
  } catch {
    // A schema that refers to itself without an end, or an input too deep for it: the worker tells.
    return { kind: 'checked', faults: [] };
  }
}

const port = parentPort;
port?.on('message', (request: CheckRequest) => {
  const begun: CheckAnswer = { kind: 'begun' };
  port.postMessage(begun);
  port.postMessage(answer(request));
});
