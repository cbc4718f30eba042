import type { BegunTask } from '../../lifecycle/hand-back.js';
import { OUTBOX_LEASE_MS, toChildFinished } from '../../lifecycle/messages.js';
import { gatesOf, REPLAYED, toPages, type ReplayRow } from '../../store/history-pages.js';
import type { NumberedEvent } from '../../store/pending-write.js';
import type { HistoryStore, OutboxStore, PieceStore, Stores } from '../../store/ports.js';
import { memoryExecutions } from './memory-executions.js';
import { copy, type MemoryTables, type Sync } from './memory-tables.js';
import { memoryWorkers, memoryWorkflows } from './memory-workers.js';

/** The {@link Stores} in memory: each call is done, as a whole, when it returns. */
export type MemoryStores = { readonly [Name in keyof Stores]: Sync<Stores[Name]> };

export function memoryStores(tables: MemoryTables): MemoryStores {
  return {
    executions: memoryExecutions(tables),
    histories: memoryHistories(tables),
    outbox: memoryOutbox(tables),
    pieces: memoryPieces(tables),
    workers: memoryWorkers(tables),
    workflows: memoryWorkflows(tables),
  };
}

/** Plays a call of a store: calls it at some time, and settles with what came of that. */
export type Play = <Result>(call: () => Result, method: string) => Promise<Result>;

/** Stores whose calls are played. */
export function played(stores: MemoryStores, play: Play): Stores {
  const entries = Object.entries(stores).map(([name, store]) => [name, playedOne(store, play)]);
  return Object.fromEntries(entries);
}

type Method = (...args: readonly unknown[]) => unknown;

function playedOne(store: object, play: Play): object {
  const methods = Object.entries(store).map(([name, method]: [string, Method]) =>
    name === 'now'
      ? [name, method]
      : [name, (...args: readonly unknown[]) => play(() => method(...args), name)],
  );
  return Object.fromEntries(methods) as object;
}

const TASK_ENDS: ReadonlySet<string> = new Set(['task_completed', 'task_failed', 'task_interrupted']);
const REPLAYED_TYPES: ReadonlySet<string> = new Set(REPLAYED);

function memoryHistories({ executions, events }: MemoryTables): Sync<HistoryStore> {
  const eventsOf = (id: string) => events.get(id) ?? [];
  return {
    readEvents: (id, after, limit) => {
      const rest = eventsOf(id)
        .filter(({ seq }) => seq > after)
        .map(({ data, ...event }) => ({ ...event, data: JSON.stringify(data) }));
      const events = [];
      let bytes = 0;
      for (const event of rest.slice(0, limit.events)) {
        bytes += event.data.length;
        if (events.length > 0 && bytes > limit.bytes) break;
        events.push({ ...event, bytes: event.data.length, data: bytes > limit.bytes ? null : event.data });
      }
      return { events, more: rest.length > events.length };
    },
    readEventData: (id, seq) => JSON.stringify(eventsOf(id).find((event) => event.seq === seq)?.data ?? null),
    readPages: (wanted, limit) => {
      const rows = wanted.flatMap(({ executionId, after }) => {
        const page = eventsOf(executionId)
          .filter(({ seq, type }) => seq > after && REPLAYED_TYPES.has(type))
          .slice(0, limit.events);
        const rowOf = ({ type, data, ...event }: (typeof page)[number]) => ({
          executionId,
          ...event,
          type: type as ReplayRow['type'],
          data: JSON.stringify(data),
          candidates: page.length,
        });
        return page.map(rowOf);
      });
      return toPages(wanted, rows, limit);
    },
    readChildEnds: (id, heard, limit) =>
      eventsOf(id)
        .filter((event) => event.type === 'child_finished' || event.type === 'child_refused')
        .filter(({ data }) => data.number > heard)
        .slice(0, limit)
        .map(({ data, at }) => toChildFinished(copy(data), at)),
    readPassedGates: (ids) =>
      gatesOf(
        ids.flatMap((executionId) =>
          eventsOf(executionId).flatMap((event) =>
            event.type === 'execution_resumed' ? [{ executionId, gate: event.data }] : [],
          ),
        ),
      ),
    readBegun: (wanted) => readBegun(eventsOf, wanted),
    readOutputTypes: (ids) =>
      new Map(
        ids.flatMap((id) => {
          const end = eventsOf(id).at(-1);
          const outputTypes = end?.type === 'execution_completed' ? end.data.outputTypes : undefined;
          return outputTypes && executions.get(id)?.state === 'COMPLETED'
            ? [[id, copy(outputTypes)] as const]
            : [];
        }),
      ),
  };
}

function readBegun(
  eventsOf: (id: string) => readonly NumberedEvent[],
  wanted: Parameters<HistoryStore['readBegun']>[0],
): Map<string, BegunTask[]> {
  return new Map(
    wanted.map(({ executionId, attempt }) => {
      const begun = new Map<string, BegunTask>();
      for (const event of eventsOf(executionId)) {
        if (event.attempt !== attempt) continue;
        if (event.type === 'task_started') begun.set(event.data.callId, copy(event.data));
        else if (TASK_ENDS.has(event.type) && 'callId' in event.data) begun.delete(event.data.callId ?? '');
      }
      return [executionId, [...begun.values()]];
    }),
  );
}

function memoryOutbox({ outbox, now }: MemoryTables): Sync<OutboxStore> {
  return {
    now,
    take: (limit, kinds) => {
      const due = [...outbox.values()]
        .filter(({ row, dueAt }) => dueAt <= now() && (kinds?.includes(row.kind) ?? true))
        .sort((a, b) => a.dueAt - b.dueAt || (a.row.id < b.row.id ? -1 : 1))
        .slice(0, limit);
      for (const { row } of due) outbox.set(row.id, { row, dueAt: now() + OUTBOX_LEASE_MS });
      return due.map(({ row }) => copy(row));
    },
    findPresent: (ids) => new Set(ids.filter((id) => outbox.has(id))),
    delete: (ids) => ids.forEach((id) => outbox.delete(id)),
  };
}

function memoryPieces({ pieces, now }: MemoryTables): Sync<PieceStore> {
  const drop = (isDue: (key: string) => boolean): void =>
    [...pieces.keys()].filter(isDue).forEach((key) => pieces.delete(key));
  return {
    now,
    put: (piece) => {
      const key = `${piece.valueId} ${piece.index}`;
      if (!pieces.has(key)) pieces.set(key, { piece, putAt: now() });
    },
    read: (valueIds) =>
      [...pieces.values()]
        .map(({ piece }) => piece)
        .filter(({ valueId }) => valueIds.includes(valueId))
        .sort((a, b) => (a.valueId === b.valueId ? a.index - b.index : a.valueId < b.valueId ? -1 : 1)),
    delete: (valueIds) => drop((key) => valueIds.includes(pieces.get(key)?.piece.valueId ?? '')),
    forget: (keptForMs) => drop((key) => (pieces.get(key)?.putAt ?? 0) < now() - keptForMs),
  };
}
