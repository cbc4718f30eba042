import { Flags, type Interfaces } from '@oclif/core';
import type { ExecutionFilter, ExecutionState } from '@flux/client';
import { given, labelFlag, readLabels, readTime } from './options.js';

/** The flags that say which executions a command is about; each narrows it down. */
export const executionFilterFlags = (states: readonly ExecutionState[]) => ({
  workflow: Flags.string({ description: 'Only of this workflow.', helpValue: 'NAME' }),
  label: labelFlag('Only with this label; may be given many times.'),
  'created-after': Flags.string({ description: 'Only created after it (ISO 8601).', helpValue: 'TIME' }),
  'created-before': Flags.string({ description: 'Only created before it (ISO 8601).', helpValue: 'TIME' }),
  parent: Flags.string({ description: 'Only children of this execution.', helpValue: 'ID' }),
  state: Flags.option({ options: states, multiple: true, multipleNonGreedy: true })({
    description: 'Only in this state; may be given many times.',
    helpValue: 'STATE',
  }),
});

type FilterFlags = Interfaces.InferredFlags<ReturnType<typeof executionFilterFlags>>;

/** @throws UsageError for a label or a time that is none */
export function readFilter(flags: FilterFlags): Omit<ExecutionFilter, 'limit' | 'cursor'> {
  return given({
    workflowName: flags.workflow,
    state: flags.state,
    labels: readLabels(flags.label),
    createdAfter: readTime('created-after', flags['created-after']),
    createdBefore: readTime('created-before', flags['created-before']),
    parentExecutionId: flags.parent,
  });
}
