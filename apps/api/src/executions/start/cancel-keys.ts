import { createHash } from 'node:crypto';
import { isStorable, LONGEST_EVENT_KEY, type WorkflowDefinition } from '@flux/contracts';
import type { InputFault } from './input-validator.js';

/** An event that cancels an execution, with the key that it is about. */
export interface CancelKey {
  readonly event: string;
  readonly key: string;
}

type Declared = Pick<WorkflowDefinition, 'cancelOn'>;

/** Longer keys are stored as their hash: an index entry has a largest size. */
const LONGEST_KEY = 200;

/** A key as it is stored and looked up. */
export function storedKey(key: string): string {
  return key.length <= LONGEST_KEY ? key : `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** What a workflow's `cancelOn` finds in an input, each once; an event whose path leads to nothing is left out. */
export function cancelKeysOf({ cancelOn = [] }: Declared, input: unknown): CancelKey[] {
  const keys = cancelOn.flatMap(({ event, key: path }): CancelKey[] => {
    const value = valueAt(input, path);
    return isKey(value) ? [{ event, key: storedKey(String(value)) }] : [];
  });
  return [...new Map(keys.map((each) => [`${each.event} ${each.key}`, each])).values()];
}

/**
 * The places of an input that should have a key and have something else: no event could ever name it, and who started
 * the execution would learn that when it goes on after the event.
 */
export function keyFaults({ cancelOn = [] }: Declared, input: unknown): InputFault[] {
  return cancelOn.flatMap(({ event, key: path }): InputFault[] => {
    const value = valueAt(input, path);
    if (value === undefined || value === null || value === '' || isKey(value)) return [];
    const message = `must be a text of at most ${LONGEST_EVENT_KEY} characters, a number or a boolean, the key of the event '${event}' that cancels it, or be left out`;
    return [{ path, message }];
  });
}

function isKey(value: unknown): value is string | number | boolean {
  if (typeof value === 'string')
    return value !== '' && value.length <= LONGEST_EVENT_KEY && isStorable(value);
  return typeof value === 'number' || typeof value === 'boolean';
}

function valueAt(input: unknown, path: string): unknown {
  let value = input;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    // Of a list its places alone, not its length.
    const has = Array.isArray(value) ? /^\d+$/.test(part) : Object.hasOwn(value, part);
    if (!has) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}
