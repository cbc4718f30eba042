import type { BulkFilter } from '@flux/contracts';
import type { Database } from '../database/database.js';
import type { Bars } from '../executions/child-admission.js';
import { fitsFilter } from './bulk-clause.js';
import { BulkRunner, type BulkRunnerParts } from './bulk-runner.js';
import { BulkStore } from './bulk-store.js';
import { BulkCancels } from './cancellation-service.js';
import { requestOf } from './decide-item.js';

/** Bulk cancels: what REST asks of them, and what works on them. */
export interface Bulk {
  readonly service: BulkCancels;
  readonly runner: BulkRunner;
  readonly bars: Bars;
}

export function createBulk(parts: Omit<BulkRunnerParts, 'store'> & { readonly database: Database }): Bulk {
  const store = new BulkStore(parts.database);
  const runner = new BulkRunner({ ...parts, store });
  return { service: new BulkCancels(store, runner), runner, bars: barsOf(store) };
}

/**
 * While a bulk cancel by filter is under way, executions that fit it, of trees that were there before it, start nothing that
 * fits it: who starts himself again and again would outrun it.
 */
function barsOf(jobs: BulkStore): Bars {
  return async (parents) => {
    const bars = await jobs.bars(parents);
    return ({ child }, parentId) => {
      const bar = bars.find(({ filter, parentWorkflow, parentLabels, ...rest }) => {
        const parent = { workflowName: parentWorkflow, labels: parentLabels };
        const fits = (each: typeof parent): boolean => fitsFilter(filter as BulkFilter, each);
        return rest.parentId === parentId && fits(parent) && fits(child);
      });
      return bar && requestOf(bar);
    };
  };
}
