import { z } from 'zod';
import { toCancelOn, type CancelOn } from './cancel-on.js';
import type { ExecutionContext } from './context.js';
import { assertName, assertOptions, toMilliseconds, toVersion, type Duration } from './options.js';

/** By it a worker finds workflows among a module's exports, whichever copy of the SDK made them. */
const WORKFLOW = Symbol.for('flux.workflow');

const RUNNERS = ['shared', 'thread', 'process'] as const;
export type RunnerKind = (typeof RUNNERS)[number];

export interface WorkflowOptions {
  /**
   * A number, or 1 to 64 letters, digits, `_`, `-` and `.`. An execution stays with workers that have the version of
   * the first one that took it; so raise it with a change that a replay of what has begun would not survive, and let
   * workers of the old one run until they have nothing left. Having none is a version too.
   */
  readonly version?: string | number;
  /** For everything that runs after the cancel signal; when it is up the execution is killed. */
  readonly gracePeriod?: Duration;
  /** For a whole execution; when it is up the execution is cancelled with cause `timeout`. */
  readonly timeout?: Duration;
  /**
   * Where executions run. `shared`, the default: with others in a thread of the worker's pool. `thread`: each in a thread
   * of its own, so that busy code keeps nobody else waiting. `process`: each in a process of its own, which is ended
   * with all that it has started; for code that spawns programs, or may crash.
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
export interface Workflow<I, O, A = I> {
  readonly [WORKFLOW]: true;
  readonly name: string;
  readonly version: string | null;
  readonly body: (ctx: ExecutionContext, input: I) => O | PromiseLike<O>;
  readonly gracePeriodMs: number | null;
  readonly timeoutMs: number | null;
  readonly runner: RunnerKind;
  readonly cancelOn: readonly CancelOn[];
  /** A type alone: what callers may pass, before the schema makes the body's input of it. */
  readonly accepts?: (input: A) => void;
  /**
   * The input as the body gets it.
   * @throws ZodError when the input does not fit the schema
   */
  parseInput(input: unknown): Promise<unknown>;
  /** JSON Schema (2020-12) of the input, or `null` when anything goes. */
  inputSchema(): Record<string, unknown> | null;
}

export type AnyWorkflow = Workflow<never, unknown>;
export type WorkflowInput<W> = W extends Workflow<infer I, unknown, never> ? I : never;
export type WorkflowOutput<W> = W extends Workflow<never, infer O> ? O : never;

/**
 * A workflow whose input is checked: the body gets what the schema makes of it.
 * @throws TypeError for a bad name or option
 */
export function workflow<S extends z.ZodType, O>(
  name: string,
  body: (ctx: ExecutionContext, input: z.output<S>) => O | PromiseLike<O>,
  options: WorkflowOptions & { readonly input: S },
): Workflow<z.output<S>, O, z.input<S>>;
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
  options: WorkflowOptions & { readonly input?: z.ZodType } = {},
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
  if (!RUNNERS.includes(runner)) {
    throw new TypeError(
      `workflow '${name}': runner is one of ${RUNNERS.join(', ')}, not '${String(runner)}'`,
    );
  }
  if (schema !== undefined && !('_zod' in schema)) {
    throw new TypeError(`workflow '${name}': input is a schema of zod 4`);
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
    parseInput: async (value: unknown): Promise<unknown> => (schema ? schema.parseAsync(value) : value),
    inputSchema: () => (schema ? z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) : null),
  });
}

/** True for what {@link workflow} returned, of any copy of the SDK. */
export function isWorkflow(value: unknown): value is AnyWorkflow {
  return (
    typeof value === 'object' && value !== null && (value as { [WORKFLOW]?: unknown })[WORKFLOW] === true
  );
}
