import type { StandardSchemaV1 } from '@standard-schema/spec';
import { toCancelOn, type CancelOn } from './cancel-on.js';
import type { ExecutionContext } from './context.js';
import { inputSchemaOf, isZod4, type JsonSchema } from './input-schema.js';
import { isStandardSchema, parseWith } from './standard-schema.js';
import { WORKFLOW, type WorkflowRef } from './workflow-ref.js';
import { assertName, assertOptions, toMilliseconds, toVersion, type Duration } from './options.js';

const RUNNERS = ['shared', 'process'] as const;
type RunnerKind = (typeof RUNNERS)[number];

export interface WorkflowOptions {
  /**
   * A number, or 1 to 64 letters, digits, `_`, `-` and `.`. An execution stays with workers that have the version of
   * the first one that took it; so raise it with a change that a replay of what has begun would not survive, and let
   * workers of the old one run until they have nothing left. Having none is a version too.
   */
  readonly version?: string | number;
  /** The time for everything that runs after the cancel signal. An execution whose time is up is killed. */
  readonly gracePeriod?: Duration;
  /** The time for a whole execution. An execution whose time is up is cancelled with cause `timeout`. */
  readonly timeout?: Duration;
  /**
   * The place where executions run. `shared`, the default: with others in a process of the worker's pool. `process`:
   * each in a process of its own, so that code that computes, or may crash, keeps nobody else waiting; it is ended with
   * all that it has started.
   */
  readonly runner?: RunnerKind;
  /**
   * Events that cancel its executions: one that is sent with a key (`POST /events`, `flux event send`) cancels those
   * that have not ended and have that key, a text, a number or a boolean, in their input. An execution without a value
   * there is not concerned.
   */
  readonly cancelOn?: readonly CancelOn[];
}

/** A workflow as {@link workflow} returns it. It is registered nowhere; a worker finds it by its export. */
export interface Workflow<I, O, A = I> extends WorkflowRef<I, O, A> {
  readonly version: string | null;
  readonly body: (ctx: ExecutionContext, input: I) => O | PromiseLike<O>;
  readonly gracePeriodMs: number | null;
  readonly timeoutMs: number | null;
  readonly runner: RunnerKind;
  readonly cancelOn: readonly CancelOn[];
  /**
   * The input as the body gets it.
   * @throws FluxError `INVALID_INPUT` that names the fields, when the schema refuses the input
   */
  parseInput(input: unknown): Promise<unknown>;
  /**
   * JSON Schema (2020-12) of what every input fulfils that the schema takes, for checks before an execution starts;
   * `null` when only the schema itself can tell, or when anything goes.
   */
  inputSchema(): JsonSchema | null;
}

export type AnyWorkflow = Workflow<never, unknown>;
export type WorkflowInput<W> = W extends Workflow<infer I, unknown, never> ? I : never;
export type WorkflowOutput<W> = W extends Workflow<never, infer O> ? O : never;

/**
 * A workflow whose input is checked: the body gets what the schema makes of it, at each attempt anew. So a schema gives
 * the same output for the same input. One of zod 4 is checked in part before the execution starts already.
 * @throws TypeError for a bad name or option
 */
export function workflow<S extends StandardSchemaV1, O>(
  name: string,
  body: (ctx: ExecutionContext, input: StandardSchemaV1.InferOutput<S>) => O | PromiseLike<O>,
  options: WorkflowOptions & { readonly input: S },
): Workflow<StandardSchemaV1.InferOutput<S>, O, StandardSchemaV1.InferInput<S>>;
/**
 * A workflow that takes any input.
 * @throws TypeError for a bad name or option
 */
export function workflow<I = undefined, O = unknown>(
  name: string,
  body: (ctx: ExecutionContext, input: I) => O | PromiseLike<O>,
  options?: WorkflowOptions,
): Workflow<I, O>;
export function workflow<I, O>(
  name: string,
  body: (ctx: ExecutionContext, input: I) => O | PromiseLike<O>,
  options: WorkflowOptions & { readonly input?: StandardSchemaV1 } = {},
): Workflow<I, O> {
  assertName('workflow', name);
  assertOptions(`workflow '${name}'`, options, [
    'version',
    'gracePeriod',
    'timeout',
    'runner',
    'cancelOn',
    'input',
  ]);
  const { gracePeriod, timeout, runner = 'shared', input: schema } = options;
  if (!RUNNERS.includes(runner)) throw new TypeError(`workflow '${name}': ${runnerFault(runner)}`);
  if (schema !== undefined && !isStandardSchema(schema)) {
    throw new TypeError(
      `workflow '${name}': input is a Standard Schema, such as one of zod from 3.24 on, Valibot or ArkType`,
    );
  }
  const timeoutMs = timeout === undefined ? null : toMilliseconds(timeout);
  if (timeoutMs === 0) throw new RangeError(`workflow '${name}': timeout is longer than 0`);
  return Object.freeze({
    [WORKFLOW]: true as const,
    name,
    version: toVersion(`workflow '${name}'`, options.version),
    body,
    gracePeriodMs: gracePeriod === undefined ? null : toMilliseconds(gracePeriod),
    timeoutMs,
    runner,
    cancelOn: toCancelOn(`workflow '${name}'`, options.cancelOn),
    parseInput: async (value: unknown): Promise<unknown> => (schema ? parseWith(schema, value) : value),
    inputSchema: () => (schema && isZod4(schema) ? inputSchemaOf(schema) : null),
  });
}

function runnerFault(runner: unknown): string {
  if (runner !== 'thread') return `runner is one of ${RUNNERS.join(', ')}, not '${String(runner)}'`;
  return "there is no runner 'thread' any more: write 'process' for a runner of its own, or leave it out";
}

/** True for what {@link workflow} returned, of any copy of the SDK. */
export function isWorkflow(value: unknown): value is AnyWorkflow {
  return (value as { [WORKFLOW]?: unknown } | null | undefined)?.[WORKFLOW] === true;
}
