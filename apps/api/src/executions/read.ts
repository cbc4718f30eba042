import { PAGE_BYTES, type ExecutionReceipt, type ExecutionResource, type ListQuery } from '@flux/contracts';
import type { Database } from '../database/database.js';
import type { Share } from '../flow/response-memory.js';
import { normalizeId, type ExecutionRecord, type ExecutionRow } from '../lifecycle/execution.js';
import type { LiveVersions } from '../registry/live-versions.js';
import type { EventText, Stores } from '../store/ports.js';
import { listExecutions, type ShownExecution } from '../store/shown-executions.js';
import { StoredJson, VALUES, type ValueName } from '../store/stored-json.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { HistoryQuery } from './execution-service.js';
import { makeReceipt, type ReceiptWish } from './receipt.js';
import { executionNotFound, toKnown, toTold, type KnownExecution, type ToldEvent } from './resource.js';

/** The part of a history that is read at once. */
const BATCH = { events: 500, bytes: 256 * 1024 };
/** The part of one execution, or of a history, that is so small that it waits for no memory. */
const FIRST = { events: 500, bytes: 16 * 1024 };
/** Objects take more memory than the text that they are parsed from. */
const PARSED = 4;

interface ReaderParts {
  readonly stores: Pick<Stores, 'executions' | 'histories'>;
  readonly database: Database;
  readonly versions: LiveVersions;
}

/** An execution to be written: {@link StoredJson}, or values. */
interface Item {
  readonly known: KnownExecution;
  readonly values: Readonly<Record<ValueName, unknown>>;
  readonly include: readonly ValueName[];
}

interface EventBatch {
  readonly events: ToldEvent[];
  readonly more: boolean;
}

/**
 * Reads executions and their histories for REST. The values in them go from the database to the caller as text, and what
 * is large is read when what comes before it is sent.
 */
export class ExecutionReader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /**
   * The record, with values that are StoredJson.
   * @throws FluxError `EXECUTION_NOT_FOUND`
   */
  async record(executionId: string): Promise<ExecutionRecord> {
    return this.#find(undefined, executionId, (id) => this.#parts.stores.executions.readAnswers([id]));
  }

  /**
   * @param workflowName `undefined` for any
   * @throws FluxError `EXECUTION_NOT_FOUND`
   */
  async row(workflowName: string | undefined, executionId: string): Promise<ExecutionRow> {
    return this.#find(workflowName, executionId, (id) => this.#parts.stores.executions.readRows([id]));
  }

  async *status(workflowName: string, executionId: string, detailed: boolean, share: Share) {
    const { stores, versions } = this.#parts;
    const found = await this.#find(workflowName, executionId, async (id) => [
      await stores.executions.readShown(id, FIRST.bytes),
    ]);
    const row = await this.#withDetails(found, share);
    const known = await versions.tellOne(toKnown(row));
    let text = yield* this.#item('', { known, values: row, include: VALUES }, share);
    if (!detailed) return `${text}}`;
    text += ',"events":[';
    let isFirst = true;
    for await (const { events, more } of this.events(row.id, 0, share)) {
      const list = events.map(({ json }) => json).join(',');
      text += `${isFirst || list === '' ? '' : ','}${list}`;
      if (!more) break;
      // What comes next may be refused as long as nothing is sent.
      if (!share.patient) await share.hold(BATCH.bytes);
      yield text;
      text = '';
      isFirst = false;
    }
    return `${text}]}`;
  }

  /** An execution as a request has left it. */
  async *answer({ input, output, events: _, ...known }: ExecutionResource, share: Share) {
    // The change stands: its answer is not refused.
    share.patient = true;
    const text = yield* this.#item('', { known, values: { input, output }, include: VALUES }, share);
    return `${text}}`;
  }

  async *list({ include = [], limit, cursor, ...filter }: ListQuery, share: Share) {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    await share.hold(PAGE_BYTES);
    const wish = { after, include, items: limit, bytes: PAGE_BYTES };
    const { items, more } = await listExecutions(this.#parts.database, filter, wish);
    // A row whose details are to be read is alone on its page.
    const rows = await Promise.all(items.map((row) => this.#withDetails(row, share)));
    const hasOutput = include.includes('output');
    const shown = rows.map((row) => (hasOutput ? toKnown(row) : withoutOutput(toKnown(row))));
    const told = await this.#parts.versions.tell(shown);
    let text = '{"items":[';
    for (const [index, row] of rows.entries()) {
      const known = told[index] ?? toKnown(row);
      text = yield* this.#item(`${text}${index > 0 ? ',' : ''}`, { known, values: row, include }, share);
      text += '}';
    }
    const last = rows.at(-1);
    return `${text}],"nextCursor":${JSON.stringify(more && last ? encodeCursor(last) : null)}}`;
  }

  /** @throws FluxError `EXECUTION_NOT_FOUND` */
  async receipt(workflowName: string, executionId: string, wish: ReceiptWish): Promise<ExecutionReceipt> {
    const { stores, database } = this.#parts;
    const { executions, histories } = stores;
    const found = await this.#find(workflowName, executionId, async (id) => [
      await executions.readShown(id, FIRST.bytes),
    ]);
    const details = found.whole || found.detailBytes === 0 ? {} : await executions.readDetails(found.id);
    return makeReceipt({ sql: database, histories, known: toKnown({ ...found, ...details }), wish });
  }

  async *history(workflowName: string, executionId: string, query: HistoryQuery, share: Share) {
    const { histories } = this.#parts.stores;
    const { id } = await this.row(workflowName, executionId);
    let text = '{"items":[';
    let [after, count, bytes, more] = [query.afterSeq, 0, 0, true];
    page: while (more && count < query.limit && bytes < PAGE_BYTES) {
      if (count > 0) {
        // What comes next may be refused as long as nothing is sent.
        if (!share.patient) await share.hold(BATCH.bytes);
        yield text;
        text = '';
        await share.hold(BATCH.bytes);
      }
      const most = count > 0 ? BATCH : FIRST;
      const batch = await histories.readEvents(id, after, {
        events: Math.min(most.events, query.limit - count),
        bytes: Math.min(most.bytes, PAGE_BYTES - bytes),
      });
      more = batch.more;
      for (const event of batch.events) {
        // One that does not fit is the first of the next page.
        if (count > 0 && bytes + event.bytes > PAGE_BYTES) {
          more = true;
          break page;
        }
        const { json } = await this.#told(id, event, share);
        text += `${count > 0 ? ',' : ''}${json}`;
        [after, count, bytes] = [event.seq, count + 1, bytes + event.bytes];
      }
    }
    return `${text}],"nextCursor":${more && count > 0 ? `"${after}"` : 'null'}}`;
  }

  /** All events after `after`, in batches, of which the first is small; the share is held for one until the next is asked for. */
  async *events(id: string, after: number, share: Share): AsyncGenerator<EventBatch, void, undefined> {
    const { histories } = this.#parts.stores;
    for (let [seq, more, most] = [after, true, FIRST]; more; most = BATCH) {
      if (most === BATCH) await share.hold(BATCH.bytes);
      const batch = await histories.readEvents(id, seq, most);
      const events: ToldEvent[] = [];
      for (const event of batch.events) events.push(await this.#told(id, event, share));
      more = batch.more;
      seq = batch.events.at(-1)?.seq ?? seq;
      yield { events, more };
    }
  }

  /** An event without its data is alone in its batch: nothing else is kept while the share waits. */
  async #told(id: string, event: EventText, share: Share): Promise<ToldEvent> {
    if (event.data !== null) return toTold(event, event.data);
    await share.hold(event.bytes);
    return toTold(event, await this.#parts.stores.histories.readEventData(id, event.seq));
  }

  /** Yields what is to be sent before a large value is read, and that value; returns the rest, all but the last brace. */
  async *#item(
    before: string,
    { known, values, include }: Item,
    share: Share,
  ): AsyncGenerator<string, string, undefined> {
    let text = `${before}${JSON.stringify(known).slice(0, -1)}`;
    for (const name of include) {
      text += `,"${name}":`;
      const value = values[name];
      if (!(value instanceof StoredJson)) text += JSON.stringify(value);
      else if (value.text !== null) text += value.text;
      else {
        await share.hold(value.bytes);
        yield text;
        yield await this.#parts.stores.executions.readValue(known.executionId, name);
        text = '';
      }
    }
    return text;
  }

  async #withDetails(row: ShownExecution, share: Share): Promise<ShownExecution> {
    if (row.whole || row.detailBytes === 0) return row;
    await share.hold(row.detailBytes * PARSED);
    return { ...row, ...(await this.#parts.stores.executions.readDetails(row.id)) };
  }

  async #find<Row extends { readonly workflowName: string }>(
    workflowName: string | undefined,
    executionId: string,
    read: (id: string) => Promise<ReadonlyArray<Row | undefined>>,
  ): Promise<Row> {
    const id = normalizeId(executionId);
    const [row] = id === undefined ? [] : await read(id);
    if (!row || (workflowName !== undefined && row.workflowName !== workflowName)) {
      throw executionNotFound(workflowName, executionId);
    }
    return row;
  }
}

/** The output of a body after the signal is an output too. */
function withoutOutput(known: KnownExecution): KnownExecution {
  if (known.cancellation?.bodyOutput === undefined) return known;
  const { bodyOutput: _, ...cancellation } = known.cancellation;
  return { ...known, cancellation };
}
