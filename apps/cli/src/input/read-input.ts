import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { jsonFaults } from '@flux/contracts';
import { UsageError } from '../errors.js';
import { jsonFault } from './json-fault.js';

const HINT = `Write JSON in single quotes, '{"url": "…"}', or name a file, @input.json, or pipe it in, -.`;

/**
 * The value of an INPUT argument: JSON text, `@file`, or `-` for stdin; `undefined` stays so.
 * @throws UsageError for what is not JSON, naming the place, and for a file that cannot be read · FluxError
 * `INVALID_JSON_NUMBER`, `DUPLICATE_KEY` or `VALUE_TOO_DEEP` for what would not be kept as it is written
 */
export async function readInput(argument: string | undefined): Promise<unknown> {
  if (argument === undefined) return undefined;
  if (argument === '-') return parse(await readAll(process.stdin), 'standard input');
  if (!argument.startsWith('@')) return parse(argument, 'INPUT');
  const path = argument.slice(1);
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`the input file '${path}' cannot be read: ${why}`, HINT);
  }
  return parse(content.replace(/^\uFEFF/, ''), `'${path}'`);
}

async function parse(text: string, source: string): Promise<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${source} is not valid JSON: ${placeOf(text)}`, HINT);
  }
  const [fault] = jsonFaults(text, value);
  if (!fault) return value;
  const { code, path, message } = fault;
  const { FluxError } = await import('@flux/client');
  throw new FluxError(code, `${path === '' ? source : `${source}: ${path}`} ${message}`);
}

function placeOf(text: string): string {
  if (text.trim() === '') return 'it is empty';
  const offset = jsonFault(text) ?? text.length;
  const before = text.slice(0, offset).split('\n');
  const found = offset >= text.length ? 'it ends' : `unexpected ${quoted(text, offset)}`;
  return `${found} at line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

/** An unclosed string begins where it is unexpected: its first characters help more than its quote. */
function quoted(text: string, offset: number): string {
  const line = text.slice(offset).split('\n', 1)[0] ?? '';
  return `'${line.length > 20 ? `${line.slice(0, 20)}…` : line}'`;
}
