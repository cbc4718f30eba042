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
      const exports = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
      for (const workflow of workflowsOf(exports)) collect(found, faults, { workflow, file });
    } catch (error) {
      faults.push(`${file}: ${describe(error)}`);
    }
  }
  const manifest: WorkflowDefinition[] = [];
  for (const { workflow, file } of found.values()) {
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

/** A CommonJS module shows its exports under `default` too. */
function workflowsOf(exports: Record<string, unknown>): Set<AnyWorkflow> {
  const { default: main } = exports;
  const nested = typeof main === 'object' && main !== null && !isWorkflow(main) ? main : {};
  const values: unknown[] = [...Object.values(exports), ...Object.values<unknown>({ ...nested })];
  return new Set(values.filter(isWorkflow));
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
