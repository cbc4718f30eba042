import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { WorkflowDefinition } from '@flux/contracts';
import { isWorkflow, type AnyWorkflow } from '@flux/sdk';

export interface LoadedWorkflows {
  readonly workflows: ReadonlyMap<string, AnyWorkflow>;
  readonly manifest: readonly WorkflowDefinition[];
  /** Everything that is wrong, each with its file; empty when the rest counts. */
  readonly faults: readonly string[];
}

interface Found {
  readonly workflow: AnyWorkflow;
  readonly file: string;
}

/**
 * Imports the files and collects the workflows they export, under whatever name.
 * @param onFile told each file before its import
 */
export async function loadWorkflows(
  directory: string,
  files: readonly string[],
  onFile: (file: string) => void,
): Promise<LoadedWorkflows> {
  const found = new Map<string, Found>();
  const faults: string[] = [];
  for (const path of files) {
    const file = relative(directory, path);
    onFile(file);
    try {
      const exports: unknown = await import(pathToFileURL(path).href);
      for (const workflow of workflowsOf(exports)) collect(found, faults, { workflow, file });
    } catch (error) {
      faults.push(`${file}: ${describe(error)}`);
    }
  }
  const manifest: WorkflowDefinition[] = [];
  for (const { workflow, file } of found.values()) {
    // An SDK of the project's own may know kinds that this worker does not.
    if (!['shared', 'process'].includes(workflow.runner)) {
      faults.push(
        `${file}: workflow '${workflow.name}' asks for a runner '${String(workflow.runner)}': write 'process' for a runner of ` +
          'its own, or leave it out',
      );
      continue;
    }
    try {
      manifest.push(definition(workflow));
    } catch (error) {
      faults.push(
        `${file}: the input schema of workflow '${workflow.name}' has no JSON Schema: ${describe(error)}`,
      );
    }
  }
  const workflows = new Map([...found].map(([name, { workflow }]) => [name, workflow]));
  return { workflows, manifest, faults };
}

/** The workflows among a module's exports, and in the plain objects and arrays that it exports, however deep. */
function workflowsOf(exports: unknown): Set<AnyWorkflow> {
  const found = new Set<AnyWorkflow>();
  const seen = new Set([exports]);
  // What is added on the way is visited too.
  for (const value of seen) {
    if (isWorkflow(value)) found.add(value);
    else if (isPlain(value)) for (const each of Object.values(value)) seen.add(each);
  }
  return found;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Array.isArray(value);
}

function collect(found: Map<string, Found>, faults: string[], candidate: Found): void {
  const { name } = candidate.workflow;
  const earlier = found.get(name);
  if (!earlier) found.set(name, candidate);
  else if (earlier.workflow !== candidate.workflow) {
    faults.push(`${candidate.file}: workflow '${name}' is another one in ${earlier.file}`);
  }
}

function definition(workflow: AnyWorkflow): WorkflowDefinition {
  const { name, version, gracePeriodMs, timeoutMs, runner, cancelOn = [] } = workflow;
  return {
    workflowName: name,
    version,
    inputSchema: workflow.inputSchema(),
    gracePeriodMs,
    timeoutMs,
    runner,
    ...(cancelOn.length > 0 && { cancelOn: [...cancelOn] }),
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
