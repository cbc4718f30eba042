import type { WorkerPage, WorkflowPage, WorkflowResource } from '@flux/contracts';

/** What REST asks about the fleet. Errors are FluxErrors: `WORKFLOW_NOT_FOUND`, `DATABASE_UNAVAILABLE`. */
export interface FleetService {
  workflows(): Promise<WorkflowPage>;
  workflow(workflowName: string): Promise<WorkflowResource>;
  /** Live workers first; those gone for an hour are left out. */
  workers(): Promise<WorkerPage>;
  /** True when the database answers. */
  databaseUp(): Promise<boolean>;
}

/** Injection token of the {@link FleetService}. */
export const FLEET_SERVICE = Symbol('FleetService');
