import { Flags } from '@oclif/core';
import type { ExecutionFilter, ExecutionState } from '@flux/client';
import { readLabels, readTime } from './options.js';

/** The flags that say which executions a command is about; each narrows it down. */
export const EXECUTION_FILTER_FLAGS = {
  workflow: Flags.string({ description: 'Only of this workflow.', helpValue: 'NAME' }),
  label: Flags.string({
    description: 'Only with this label; may be given many times.',
    helpValue: 'K=V',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'created-after': Flags.string({ description: 'Only created after it (ISO 8601).', helpValue: 'TIME' }),
  'created-before': Flags.string({ description: 'Only created before it (ISO 8601).', helpValue: 'TIME' }),
  parent: Flags.string({ description: 'Only children of this execution.', helpValue: 'ID' }),
};

interface FilterFlags {
  readonly workflow: string | undefined;
  readonly state: readonly ExecutionState[] | undefined;
  readonly label: readonly string[] | undefined;
  readonly 'created-after': string | undefined;
  readonly 'created-before': string | undefined;
  readonly parent: string | undefined;
}

/** @throws UsageError for a label or a time that is none */
export function readFilter(flags: FilterFlags): Omit<ExecutionFilter, 'limit' | 'cursor'> {
  const { workflow, state, label, parent } = flags;
  const labels = readLabels(label);
  const createdAfter = readTime('created-after', flags['created-after']);
  const createdBefore = readTime('created-before', flags['created-before']);
  return {
    ...(workflow && { workflowName: workflow }),
    ...(state && { state }),
    ...(labels && { labels }),
    ...(createdAfter && { createdAfter }),
    ...(createdBefore && { createdBefore }),
    ...(parent && { parentExecutionId: parent }),
  };
}
