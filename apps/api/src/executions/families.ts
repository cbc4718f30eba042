import { isTerminal } from '@flux/domain';
import { isTransientError } from '../database/errors.js';
import { tellChildEnd } from '../dispatch/tell-child-end.js';
import { Batcher } from '../flow/batcher.js';
import { decideChildCancel } from '../lifecycle/child-cancel.js';
import { decideChildEnd } from '../lifecycle/child-end.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import type { EndedChild, FamilyRow } from '../lifecycle/messages.js';
import type { RowChange } from './execution-writer.js';
import type { VerbParts } from './parts.js';

type EndedRow = Extract<FamilyRow, { kind: 'child_ended' }>;

interface ChildCancel {
  readonly parent: ExecutionRow;
  readonly childId: string;
  readonly force: boolean;
}

const BATCH = 500;
/** Ends are recorded with their outputs, each of which may be as large as any. */
const MOST_ENDS = 32;

/** The most ends of children that are told again to one execution at one heartbeat. */
const MOST_REPEATED = 200;

type FamilyParts = Pick<
  VerbParts,
  'stores' | 'writer' | 'relay' | 'bus' | 'topology' | 'gracePeriodMs' | 'leaseMs'
>;

/**
 * Carries ends of executions up to their parents, and cancels down to their children, generation by generation. Each
 * step is an outbox row that the step before has written, so that no crash loses a step.
 */
export class Families {
  readonly #parts: FamilyParts;
  readonly #ends: Batcher<EndedRow, null>;
  readonly #cancels: RowChange<ChildCancel, ExecutionRow, null>;

  constructor(parts: FamilyParts) {
    this.#parts = parts;
    const { stores } = parts;
    this.#ends = new Batcher((rows) => this.#recordEnds(rows), {
      maxBatch: MOST_ENDS,
      flights: 1,
      failsAll: isTransientError,
    });
    this.#cancels = {
      executionId: ({ childId }) => childId,
      read: (ids) => stores.executions.readRows(ids),
      decide: (row, { parent, force }, now) => {
        const change = row && decideChildCancel(parent, row, force, parts, now);
        return { change: change ?? null, reply: null };
      },
    };
    parts.relay.applyFamily((row) => this.#apply(row));
  }

  /** Does what an outbox row says, once, however often the row comes. */
  async #apply(row: FamilyRow): Promise<void> {
    if (row.kind === 'child_ended') await this.#ends.run(row);
    else await this.#cancelChildren(row.target, row.body.force);
  }

  /** Tells the owner of an execution again of the children's ends that the owner has not heard of. */
  async tellAgain({ id: executionId, attempt, workerId }: ExecutionRow, heard: number): Promise<void> {
    if (workerId === null) return;
    const { stores, bus, topology } = this.#parts;
    for (const entry of await stores.histories.readChildEnds(executionId, heard, MOST_REPEATED)) {
      const body = { executionId, attempt, entry };
      // An end that is lost again comes with the next heartbeat.
      await tellChildEnd(bus, topology.control(workerId), body, { persistent: false }).catch(() => undefined);
    }
  }

  async #recordEnds(rows: readonly EndedRow[]): Promise<null[]> {
    const { executions, outbox } = this.#parts.stores;
    const children = await this.#readEnded(rows.map(({ body }) => body.executionId));
    let present = new Set<string>();
    const plan: RowChange<EndedRow, ExecutionRow, null> = {
      executionId: ({ target }) => target,
      read: async (ids) => {
        const parents = await executions.readRows(ids);
        // The rows are looked up after the parents: a replica that has recorded an end since has written the parent
        // too, so our own write fails.
        present = await outbox.findPresent(rows.map(({ id }) => id));
        return parents;
      },
      decide: (row, { id, body }, now) => {
        const child = children.get(body.executionId);
        return { change: present.has(id) ? this.#end(row, child, id, now) : null, reply: null };
      },
    };
    return this.#parts.writer.apply(plan, rows);
  }

  async #readEnded(ids: readonly string[]): Promise<Map<string, EndedChild>> {
    const { executions, histories } = this.#parts.stores;
    const [records, types] = await Promise.all([executions.readRecords(ids), histories.readOutputTypes(ids)]);
    return new Map(records.map((record) => [record.id, { ...record, outputTypes: types.get(record.id) }]));
  }

  #end(row: ExecutionRow | undefined, child: EndedChild | undefined, outboxId: string, now: number) {
    if (!row || !child || !isTerminal(child.state)) return null;
    const change = decideChildEnd(row, child, now);
    return change && { ...change, consumes: [outboxId] };
  }

  async #cancelChildren(parentId: string, force: boolean): Promise<void> {
    const { stores, writer } = this.#parts;
    const [parent] = await stores.executions.readRows([parentId]);
    if (!parent) return;
    const children = await stores.executions.findOpenChildren(parentId);
    const items = children.map((childId) => ({ parent, childId, force }));
    for (let start = 0; start < items.length; start += BATCH) {
      await writer.apply(this.#cancels, items.slice(start, start + BATCH));
    }
  }
}
