import type { Checkpoint } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { isConnectionError } from '../database/errors.js';
import type { Cancel } from '../lifecycle/cancel.js';
import type { ChildVerdict, ChildVerdictOf, StartEvent } from '../lifecycle/child-start.js';
import type { VerbParts } from './parts.js';
import type { Starter } from './start.js';

/** The bulk cancels under way that no child of these executions may outrun. */
export type Bars = (
  parents: readonly string[],
) => Promise<(start: StartEvent, parentId: string) => Cancel | undefined>;

type ChildAdmissionParts = Pick<VerbParts, 'store' | 'gracePeriodMs' | 'leaseMs'> & {
  readonly starter: Starter;
  readonly bars: Bars;
  readonly maxDepth: number;
};

/**
 * Looks up whether children may be started, as a start over REST does. Patterns of their schemas are left to the
 * workers: the checkpoints of a whole partition wait here.
 */
export class ChildAdmission {
  readonly #parts: ChildAdmissionParts;

  constructor(parts: ChildAdmissionParts) {
    this.#parts = parts;
  }

  /** @throws FluxError `DATABASE_UNAVAILABLE` */
  async lookUp(checkpoints: readonly Checkpoint[]): Promise<ChildVerdictOf> {
    const starts = checkpoints.flatMap(({ events }) =>
      events.filter((event) => event.type === 'child_started'),
    );
    const known = new Map<StartEvent, ChildVerdict>();
    if (starts.length > 0) {
      const barOf = await this.#bars(checkpoints);
      const rows = await this.#parts.store.readRows(starts.map(({ child }) => child.executionId));
      const taken = new Set(rows.map((row) => row.id));
      for (const start of starts) {
        const { executionId } = start.child;
        known.set(
          start,
          taken.has(executionId) ? conflict(executionId) : await this.#admit(start, barOf(start)),
        );
        taken.add(executionId);
      }
    }
    return (event) => known.get(event) ?? refusal(new FluxError('INTERNAL_ERROR', 'it was not looked up'));
  }

  /** A call ends with its parent, so only what may outlive that is looked up. */
  async #bars(checkpoints: readonly Checkpoint[]): Promise<(start: StartEvent) => Cancel | undefined> {
    const parents = new Map<StartEvent, string>();
    for (const { executionId, events } of checkpoints) {
      for (const event of events) {
        if (event.type === 'child_started' && outlives(event)) parents.set(event, executionId);
      }
    }
    if (parents.size === 0) return () => undefined;
    const barOf = await this.#parts.bars([...new Set(parents.values())]);
    return (start) => {
      const parentId = parents.get(start);
      return parentId === undefined ? undefined : barOf(start, parentId);
    };
  }

  async #admit({ child }: StartEvent, bar: Cancel | undefined): Promise<ChildVerdict> {
    const { workflowName, input, inputTypes, labels } = child;
    try {
      const definition = await this.#parts.starter.admit({ workflowName, input, inputTypes, labels }, false);
      const { gracePeriodMs, leaseMs, maxDepth } = this.#parts;
      return { ok: true, definition, limits: { gracePeriodMs, leaseMs }, maxDepth, bar };
    } catch (error) {
      if (isConnectionError(error) || !(error instanceof FluxError)) throw error;
      return refusal(error);
    }
  }
}

function outlives({ child }: StartEvent): boolean {
  return !child.called || child.onParentCancel === 'abandon';
}

function conflict(executionId: string): ChildVerdict {
  return refusal(new FluxError('EXECUTION_CONFLICT', `the id ${executionId} belongs to another execution`));
}

function refusal({ code, name, message }: FluxError): ChildVerdict {
  return { ok: false, error: { code, name, message } };
}
