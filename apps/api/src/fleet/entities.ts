import { EntitySchema } from 'typeorm';
import type { BlockedRunner, WorkerResource, WorkflowDefinition } from '@flux/contracts';

/** A worker incarnation. */
export interface WorkerRecord {
  id: string;
  name: string;
  state: WorkerResource['state'];
  concurrency: number;
  runners: number;
  workflows: string[];
  /** Of each of its workflows, at the same index; `''` for none. */
  versions: string[];
  startedAt: Date;
  lastSeenAt: Date;
  leaseUntil: Date;
  /** As its last heartbeat told. */
  blocked: BlockedRunner[];
}

export const WorkerEntity = new EntitySchema<WorkerRecord>({
  name: 'worker',
  tableName: 'workers',
  columns: {
    id: { type: 'text', primary: true },
    name: { type: 'text' },
    state: { type: 'text' },
    concurrency: { type: 'integer' },
    runners: { type: 'integer' },
    workflows: { type: 'text', array: true },
    versions: { type: 'text', array: true },
    startedAt: { name: 'started_at', type: 'timestamptz' },
    lastSeenAt: { name: 'last_seen_at', type: 'timestamptz' },
    leaseUntil: { name: 'lease_until', type: 'timestamptz' },
    blocked: { type: 'json' },
  },
});

/** One version of a workflow as a worker registered it last. */
export interface WorkflowRecord {
  name: string;
  /** `''` for none. */
  version: string;
  inputSchema: WorkflowDefinition['inputSchema'];
  gracePeriodMs: number | null;
  timeoutMs: number | null;
  runner: WorkflowDefinition['runner'];
  /** `null` for none. */
  cancelOn: NonNullable<WorkflowDefinition['cancelOn']> | null;
  firstRegisteredAt: Date;
  registeredAt: Date;
}

export const WorkflowEntity = new EntitySchema<WorkflowRecord>({
  name: 'workflow',
  tableName: 'workflows',
  columns: {
    name: { type: 'text', primary: true },
    version: { type: 'text', primary: true },
    inputSchema: { name: 'input_schema', type: 'json', nullable: true },
    gracePeriodMs: { name: 'grace_period_ms', type: 'double precision', nullable: true },
    timeoutMs: { name: 'timeout_ms', type: 'double precision', nullable: true },
    runner: { type: 'text' },
    cancelOn: { name: 'cancel_on', type: 'json', nullable: true },
    firstRegisteredAt: { name: 'first_registered_at', type: 'timestamptz' },
    registeredAt: { name: 'registered_at', type: 'timestamptz' },
  },
});
