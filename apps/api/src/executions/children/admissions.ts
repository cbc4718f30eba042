import type { Checkpoint, CheckpointEvent } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { isConnectionError } from '../../database/errors.js';
import type { ExecutionStore } from '../execution-store.js';
import type { Starter } from '../start/starter.js';
import type { Admission } from './decide-child-start.js';

type StartEvent = Extract<CheckpointEvent, { type: 'child_started' }>;

/** What is known of each child that a batch of checkpoints starts. */
export type AdmissionOf = (event: StartEvent) => Admission;

/** Looks up whether children may be started, as a start over REST does. */
export class Admissions {
  readonly #starter: Starter;
  readonly #store: ExecutionStore;
  readonly #defaultGraceMs: number;

  constructor(starter: Starter, store: ExecutionStore, defaultGraceMs: number) {
    this.#starter = starter;
    this.#store = store;
    this.#defaultGraceMs = defaultGraceMs;
  }

  /** @throws FluxError `DATABASE_UNAVAILABLE` */
  async lookUp(checkpoints: readonly Checkpoint[]): Promise<AdmissionOf> {
    const starts = checkpoints.flatMap(({ events }) =>
      events.filter((event) => event.type === 'child_started'),
    );
    const known = new Map<StartEvent, Admission>();
    if (starts.length > 0) {
      const rows = await this.#store.readRows(starts.map(({ child }) => child.executionId));
      const taken = new Set(rows.map((row) => row.id));
      for (const start of starts) {
        const { executionId } = start.child;
        known.set(start, taken.has(executionId) ? conflict(executionId) : await this.#admit(start));
        taken.add(executionId);
      }
    }
    return (event) => known.get(event) ?? refusal(new FluxError('INTERNAL_ERROR', 'it was not looked up'));
  }

  async #admit({ child }: StartEvent): Promise<Admission> {
    const { workflowName, input, labels } = child;
    try {
      const definition = await this.#starter.admit({ workflowName, input, labels });
      return { ok: true, definition, defaultGraceMs: this.#defaultGraceMs };
    } catch (error) {
      if (isConnectionError(error) || !(error instanceof FluxError)) throw error;
      return refusal(error);
    }
  }
}

function conflict(executionId: string): Admission {
  return refusal(new FluxError('EXECUTION_CONFLICT', `the id ${executionId} belongs to another execution`));
}

function refusal({ code, name, message }: FluxError): Admission {
  return { ok: false, error: { code, name, message } };
}
