import { setImmediate as turn } from 'node:timers/promises';
import { MOST_LEVELS, pathOf, tooDeepAt, type WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { InputFault } from '../lifecycle/start.js';
import type { KnownWorkflow } from '../registry/workflows.js';
import type { CheckThreads } from './check-threads.js';
import { compileSchema, isSmall, workOf, type Check, type Work } from './compiled-schema.js';

/**
 * Checks that a JSON value can be stored and sent: deeper nesting would exhaust the stack of a later reader.
 * @throws FluxError `VALUE_TOO_DEEP`
 */
export function assertDepth(value: unknown): void {
  const path = tooDeepAt(value);
  if (!path) return;
  const fault = {
    path: pathOf(['input', ...path]),
    message: `is nested more than ${MOST_LEVELS} levels deep`,
  };
  throw new FluxError('VALUE_TOO_DEEP', `${fault.path}: ${fault.message}`, { details: { errors: [fault] } });
}

/** The rules times the values up to which an input is checked on the event loop: a few milliseconds. */
const MOST_INLINE_WORK = 50_000;
/** The rules up to which a schema is compiled there: some milliseconds too. */
const MOST_INLINE_RULES = 300;

type Schema = Readonly<Record<string, unknown>>;

interface KnownSchema extends Work {
  readonly schemaText: string;
  /** Of a small schema without its patterns. */
  readonly check?: Check;
  /** Why the schema is none. */
  readonly fault?: string;
}

/**
 * Checks inputs against the JSON Schemas of workflows; each schema is compiled once. What may take long, patterns above
 * all, is done by a thread with a time limit. Inputs of a schema that is none are left to the worker.
 */
export class InputValidator {
  readonly #threads: CheckThreads;
  readonly #known = new Map<string, KnownSchema>();

  constructor(threads: CheckThreads) {
    this.#threads = threads;
  }

  /**
   * The faults of an input, none when it fits.
   * @param patterns whether patterns are looked at; where not, they are left to the worker
   * @throws FluxError `INPUT_CHECK_TOO_SLOW`
   */
  async check(
    { definition: { workflowName, inputSchema }, schemaText }: KnownWorkflow,
    input: unknown,
    patterns = true,
  ): Promise<readonly InputFault[]> {
    if (inputSchema === null) return [];
    const { check, fault, rules, hasPatterns } = this.#schemaOf(workflowName, inputSchema, schemaText);
    if (fault !== undefined) return [];
    const asksPatterns = patterns && hasPatterns;
    if (check && !asksPatterns && isSmall(input, MOST_INLINE_WORK / rules)) return check(input);
    const verdict = await this.#threads.check(workflowName, { schemaText, patterns: asksPatterns, input });
    return verdict.kind === 'checked' ? verdict.faults : [];
  }

  /** The workflows whose schemas are none, each with the reason. */
  async faultsOf(definitions: readonly WorkflowDefinition[]): Promise<string[]> {
    const faults: Array<Promise<string[]>> = [];
    for (const { workflowName, inputSchema } of definitions) {
      if (inputSchema === null) continue;
      faults.push(this.#faultsOf(workflowName, inputSchema));
      // A worker may have a thousand workflows, and each schema takes a millisecond.
      await turn();
    }
    return (await Promise.all(faults)).flat();
  }

  /** A schema is compiled where it will be used. */
  async #faultsOf(workflowName: string, inputSchema: Schema): Promise<string[]> {
    const schemaText = JSON.stringify(inputSchema);
    const { check, fault, hasPatterns } = this.#schemaOf(workflowName, inputSchema, schemaText);
    let reason = fault;
    if (fault === undefined && (!check || hasPatterns)) {
      const request = { schemaText, patterns: hasPatterns };
      const verdict = await this.#threads.check(workflowName, request).catch(() => undefined);
      reason = verdict?.kind === 'no_schema' ? verdict.reason : undefined;
    }
    return reason === undefined
      ? []
      : [`the input schema of workflow '${workflowName}' is not valid: ${reason}`];
  }

  #schemaOf(workflowName: string, inputSchema: Schema, schemaText: string): KnownSchema {
    const known = this.#known.get(workflowName);
    if (known?.schemaText === schemaText) return known;
    const schema = look(inputSchema, schemaText);
    this.#known.set(workflowName, schema);
    return schema;
  }
}

function look(schema: Schema, schemaText: string): KnownSchema {
  try {
    const work = workOf(schema);
    const isInline = work.linear && work.rules <= MOST_INLINE_RULES;
    return { schemaText, ...work, ...(isInline && { check: compileSchema(schema) }) };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { schemaText, rules: 0, linear: false, hasPatterns: false, fault };
  }
}
