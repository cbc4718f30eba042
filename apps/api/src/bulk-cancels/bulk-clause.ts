import type { BulkFilter } from '@flux/contracts';
import { EXECUTION_STATES, isTerminal } from '@flux/domain';
import { clauseOf, conditionsOf, type Clause, type Condition } from '../store/filter.js';
import { OWNED } from '../store/sql.js';

export const OPEN_STATES = EXECUTION_STATES.filter((state) => !isTerminal(state));

/** The clause of what fits and has not ended. */
export function clauseFor(filter: BulkFilter, taken: number): Clause {
  const { labels = {}, label = [], state = OPEN_STATES } = filter;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}:${value}`);
  const conditions = conditionsOf({ ...filter, state, label: [...pairs, ...label] });
  if (!conditions) return clauseOf([{ name: 'nothing', text: 'FALSE', values: [] }], taken);
  return clauseOf([...conditions, ...heldBy(filter.worker)], taken);
}

/** The condition in the words of the index of owned executions. */
function heldBy(worker: string | undefined): Condition[] {
  if (worker === undefined) return [];
  const text = `e.worker_id = ANY(ARRAY(SELECT id FROM workers WHERE name = ?)) AND e.state IN (${OWNED})`;
  return [{ name: 'worker', text, values: [worker] }];
}

/** Whether what its executions start meanwhile may be part of a bulk cancel. A worker holds no child that has just begun. */
export function reachesChildren(filter: BulkFilter): boolean {
  return filter.worker === undefined;
}

interface Candidate {
  readonly workflowName: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Whether an execution that has not ended fits, as far as its workflow and labels tell. */
export function fitsFilter(filter: BulkFilter, { workflowName, labels }: Candidate): boolean {
  const { labels: wanted = {}, label = [] } = filter;
  if (!reachesChildren(filter)) return false;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}:${value}`);
  const named = [...Object.entries(wanted).map(([key, value]) => `${key}:${value}`), ...label];
  return (
    (filter.workflowName ?? workflowName) === workflowName && named.every((each) => pairs.includes(each))
  );
}
