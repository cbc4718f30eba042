import { isStorable, LONGEST_EVENT_KEY, type WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { createHash } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import type { CancelKey, NewExecution } from './change.js';
import { newRecord, normalizeId } from './execution.js';
import { nextResend } from './timing.js';

type Declared = Pick<WorkflowDefinition, 'cancelOn'>;

/** Longer keys are stored as their hash: an index entry has a largest size. */
const LONGEST_KEY = 200;

/** A key as it is stored and looked up. */
export function storedKey(key: string): string {
  return key.length <= LONGEST_KEY ? key : `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/**
 * The keys that a workflow's `cancelOn` finds in an input, each once; an event whose path leads to nothing is left
 * out.
 */
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
    // A list has its places alone, not its length.
    const has = Array.isArray(value) ? /^\d+$/.test(part) : Object.hasOwn(value, part);
    if (!has) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

/** A request to start an execution; its shape has been checked, its input has not. */
export interface StartCommand {
  readonly workflowName: string;
  /** REST passes `{}` where the request has none. */
  readonly input: unknown;
  readonly executionId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** The execution's own time limit in milliseconds. */
  readonly timeoutMs: number | undefined;
  readonly requestedBy: string;
}

/** A fault in a field of an input; `path` is dotted, `input` for the whole. */
export interface InputFault {
  readonly path: string;
  readonly message: string;
}

/** No execution lives longer: dates end, and so do timers. */
const LONGEST_TIMEOUT_MS = 100 * 365 * 86_400_000;

/** The execution that a command starts, of a workflow that has admitted it. */
export function newExecution(
  command: StartCommand,
  definition: WorkflowDefinition,
  now: number,
): NewExecution {
  const namedId = command.executionId === undefined ? undefined : normalizeId(command.executionId);
  if (command.executionId !== undefined && namedId === undefined) {
    const errors = [{ path: 'executionId', message: 'must be a UUID' }];
    throw new FluxError('INVALID_REQUEST', 'the execution id is not a UUID', { details: { errors } });
  }
  const timeoutMs = command.timeoutMs ?? definition.timeoutMs;
  const record = newRecord({
    id: namedId ?? uuid(),
    workflowName: command.workflowName,
    timeoutAt: timeoutMs === null ? null : now + Math.min(timeoutMs, LONGEST_TIMEOUT_MS),
    gracePeriodMs: definition.gracePeriodMs,
    nextDispatchAt: nextResend(false, now, 0),
    input: command.input ?? null,
    labels: command.labels,
    createdAt: now,
  });
  const { requestedBy, idempotencyKey } = command;
  const cancelKeys = cancelKeysOf(definition, command.input);
  return { record, namedId, idempotencyKey, requestedBy, cancelKeys };
}
