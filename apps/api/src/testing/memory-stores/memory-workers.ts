import type { WorkerWish } from '@flux/contracts';
import type { WorkerStore, WorkflowStore } from '../../store/ports.js';
import { copy, isLive, type MemoryTables, type StoredWorker, type Sync } from './memory-tables.js';

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** What workers were asked by hand, and which may be offered something. */
function memoryWishes({ workers, wishes, now }: MemoryTables) {
  const wishFor = ({ name }: StoredWorker): WorkerWish => wishes.get(name) ?? { number: 0, kind: null };
  const store: Sync<Pick<WorkerStore, 'wish' | 'readAvailable'>> = {
    wish: (name, { kind }) => {
      const before = wishes.get(name);
      if (!before && ![...workers.values()].some((worker) => worker.name === name)) return undefined;
      const { number, kind: present } = before ?? { number: 0, kind: null };
      if (present === kind) return { wish: { number, kind }, isNew: false };
      const wish = { number: number + 1, kind };
      wishes.set(name, wish);
      return { wish, isNew: true };
    },
    readAvailable: (heardWithinMs) =>
      [...workers.values()]
        .filter(({ state, lastSeenAt }) => state === 'running' && lastSeenAt > now() - heardWithinMs)
        .filter((worker) => wishFor(worker).kind !== 'drain')
        .sort((a, b) => byText(a.workerId, b.workerId))
        .map((worker) => ({
          workerId: worker.workerId,
          workflows: worker.workflows.map(({ workflowName }) => workflowName),
          versions: worker.workflows.map(({ version }) => version ?? ''),
          isPaused: wishFor(worker).kind !== null,
        })),
  };
  return { ...store, wishFor };
}

/** The {@link WorkerStore} in memory. */
export function memoryWorkers(tables: MemoryTables): Sync<WorkerStore> {
  const { workers, workflows, now } = tables;
  const find = (fits: (worker: StoredWorker) => boolean): string[] =>
    [...workers.values()].filter(fits).map(({ workerId }) => workerId);
  const whenLive = (id: string, then: (worker: StoredWorker) => StoredWorker): boolean => {
    const worker = workers.get(id);
    if (!worker || !isLive(worker)) return false;
    workers.set(id, then(worker));
    return true;
  };
  const { wishFor, ...byHand } = memoryWishes(tables);
  const wishWhenLive = (id: string, then: (worker: StoredWorker) => StoredWorker): WorkerWish | undefined =>
    whenLive(id, then) ? wishFor(workers.get(id) as StoredWorker) : undefined;
  return {
    now,
    ...byHand,
    register: (worker, leaseMs) => {
      for (const definition of worker.workflows) {
        const key = JSON.stringify([definition.workflowName, definition.version]);
        const { firstRegisteredAt } = workflows.get(key) ?? { firstRegisteredAt: now() };
        workflows.set(key, { definition: copy(definition), firstRegisteredAt });
      }
      const told = { ...copy(worker), state: 'running' as const, lostAt: null, askedAt: null };
      const registered = { ...told, lastSeenAt: now(), leaseUntil: now() + leaseMs };
      workers.set(worker.workerId, registered);
      return wishFor(registered);
    },
    renewLease: ({ workerId, state }, leaseMs) =>
      wishWhenLive(workerId, (worker) => {
        return { ...worker, state, lastSeenAt: now(), leaseUntil: now() + leaseMs, askedAt: null };
      }),
    readWish: (id) => wishWhenLive(id, (worker) => worker),
    end: (ids, state) =>
      ids.filter((id) =>
        whenLive(id, (worker) => {
          return state === 'lost'
            ? { ...worker, state, lostAt: now() }
            : { ...worker, state, lastSeenAt: now() };
        }),
      ),
    findLive: () => find(isLive),
    askExpiring: (leftMs) => {
      const expiring = find((worker) => isLive(worker) && worker.leaseUntil < now() + leftMs);
      for (const id of expiring) {
        whenLive(id, (worker) => ({ ...worker, askedAt: worker.askedAt ?? now() }));
      }
      return expiring;
    },
    findExpired: (askedForMs) =>
      find(
        (worker) =>
          isLive(worker) && worker.leaseUntil < now() && (worker.askedAt ?? Infinity) <= now() - askedForMs,
      ),
  };
}

/** The {@link WorkflowStore} in memory. */
export function memoryWorkflows({ workers, workflows }: MemoryTables): Sync<WorkflowStore> {
  /** The versions that running workers have. */
  const live = () => {
    const running = [...workers.values()].filter(({ state }) => state === 'running');
    const versions = running.flatMap((worker) =>
      worker.workflows.map(({ workflowName, version }) => ({ workflowName, version: version ?? '' })),
    );
    return new Map(versions.map((each) => [JSON.stringify(each), each]));
  };
  return {
    readNewest: () => {
      const held = live();
      const newest = [...workflows.values()]
        .map(({ definition, firstRegisteredAt }) => {
          const { workflowName, version } = definition;
          const isHeld = Number(held.has(JSON.stringify({ workflowName, version: version ?? '' })));
          return { definition, firstRegisteredAt, isHeld };
        })
        .sort(
          (a, b) =>
            a.isHeld - b.isHeld ||
            a.firstRegisteredAt - b.firstRegisteredAt ||
            byText(a.definition.version ?? '', b.definition.version ?? ''),
        );
      // The last definition of each name stands.
      const byName = new Map(newest.map(({ definition }) => [definition.workflowName, definition]));
      return [...byName.values()]
        .sort((a, b) => byText(a.workflowName, b.workflowName))
        .map((definition) => copy({ ...definition, cancelOn: definition.cancelOn ?? [] }));
    },
    readLiveVersions: () => [...live().values()],
  };
}
