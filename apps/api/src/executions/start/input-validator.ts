import { FluxError } from '@flux/domain';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { KnownWorkflow } from '../../fleet/workflow-registry.js';

interface Compiled {
  readonly schemaText: string;
  readonly validate: ValidateFunction;
}

/** What is wrong with a field of an input; `path` is dotted, `input` for the whole. */
export interface InputFault {
  readonly path: string;
  readonly message: string;
}

/** Checks inputs against the JSON Schemas of workflows; each schema is compiled once. */
export class InputValidator {
  readonly #compiled = new Map<string, Compiled>();

  /**
   * The faults of an input, none when it fits.
   * @throws FluxError `INVALID_WORKFLOWS` when the workflow's schema is none
   */
  check({ definition, schemaText }: KnownWorkflow, input: unknown): InputFault[] {
    if (definition.inputSchema === null) return [];
    let compiled = this.#compiled.get(definition.workflowName);
    if (compiled?.schemaText !== schemaText) {
      compiled = { schemaText, validate: compile(definition.workflowName, definition.inputSchema) };
      this.#compiled.set(definition.workflowName, compiled);
    }
    return compiled.validate(input) ? [] : (compiled.validate.errors ?? []).map(toFault);
  }
}

function compile(workflowName: string, schema: Readonly<Record<string, unknown>>): ValidateFunction {
  try {
    // An instance each: two workflows may give their schemas the same $id.
    const ajv = new Ajv2020({ allErrors: true, strict: false });
    formats.default(ajv);
    return ajv.compile(schema);
  } catch (cause) {
    throw new FluxError('INVALID_WORKFLOWS', `the input schema of workflow '${workflowName}' is not valid`, {
      hint: 'Correct the schema in the workflow and start its workers again.',
      cause,
    });
  }
}

function toFault({ instancePath, keyword, params, message }: ErrorObject): InputFault {
  const path = instancePath.split('/').slice(1).map(unescapePointer);
  // The fault is in the parent, but the field to correct is the child.
  if (keyword === 'required') path.push(String(params.missingProperty));
  if (keyword === 'additionalProperties') path.push(String(params.additionalProperty));
  return { path: path.join('.') || 'input', message: message ?? keyword };
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
