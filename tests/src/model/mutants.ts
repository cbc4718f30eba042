import type { Core, Decisions, MemoryStores, MemoryTables, Write } from '@flux/api/testing';

/** A piece of a built file, and what stands there in the mutant. */
export interface Edit {
  /** The path from the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Flux with other parts: each is handed to the simulated processes in the place of ours. */
export interface Mutant {
  readonly decisions?: (ours: Decisions) => Partial<Decisions>;
  readonly stores?: (ours: MemoryStores, tables: MemoryTables) => MemoryStores;
  readonly core?: (ours: Core) => Core;
  /** The edits of the worker's code: the worker builds its parts itself, so none can be handed to it. */
  readonly edits?: readonly Edit[];
}

const worker = (file: string, find: string, replace: string): Edit => {
  return { file: `apps/worker/dist/${file}`, find, replace };
};

/** A service with other methods. */
function withMethods<Service extends object>(service: Service, others: Partial<Service>): Service {
  return new Proxy(service, {
    get: (target, name) => {
      const other: unknown = Reflect.get(others, name);
      const own: unknown = Reflect.get(target, name);
      return other ?? (typeof own === 'function' ? (own.bind(target) as unknown) : own);
    },
  });
}

/** A change as if it had been decided on the row that is there now. */
function asIfOnPresent({ executions }: MemoryTables, write: Write): Write {
  const { row, result, events, outbox, children, consumed } = write;
  const { version } = executions.get(row.id) ?? row;
  return { row: { ...row, version }, result, events, outbox, children, consumed };
}

/**
 * Flux without one of its rules, each of which the programs find in some hundred. Where two guards stand behind each
 * other for one rule, both are taken out. That a worker obeys a fence is not among them: whatever can be played here, it
 * finds by itself, and earlier, that it owns an execution no more.
 */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a write does not look what came between': {
    stores: (ours, tables) => {
      const write: MemoryStores['executions']['write'] = (writes) =>
        ours.executions.write(writes.map((each) => asIfOnPresent(tables, each)));
      return { ...ours, executions: { ...ours.executions, write } };
    },
  },
  'CANCELLED is answered before the cleanup has run': {
    core: (ours) => {
      const { executions } = ours;
      const cancel: typeof executions.cancel = async (command) => {
        return { ...(await executions.cancel(command)), state: 'CANCELLED' };
      };
      return { ...ours, executions: withMethods(executions, { cancel }) };
    },
  },
  'what is cancelled may be claimed': {
    decisions: ({ decideClaim }) => ({
      decideClaim: (row, wish, now) =>
        decideClaim(
          row?.state === 'CANCELLED' ? { ...row, state: 'SCHEDULED', cancellation: null } : row,
          wish,
          now,
        ),
    }),
  },
  'a body that was signalled and returns is COMPLETED': {
    decisions: ({ decideCheckpoint }) => ({
      decideCheckpoint: (row, workerId, { events, ...checkpoint }, ...rest) => {
        const heard = events.map((each) =>
          each.type === 'finished' && each.outcome !== 'cancelled' ? { ...each, signalled: false } : each,
        );
        return decideCheckpoint(row, workerId, { ...checkpoint, events: heard }, ...rest);
      },
    }),
  },
  'a lost worker takes the cancel with it': {
    decisions: ({ decideLoss }) => ({
      decideLoss: (row, ...rest) =>
        decideLoss(
          row?.state === 'CANCELLING' ? { ...row, state: 'RUNNING', cancellation: null } : row,
          ...rest,
        ),
    }),
  },
  'a lost worker takes what its tasks had begun with it': {
    decisions: ({ decideLoss }) => ({ decideLoss: (row, orphan, now) => decideLoss(row, orphan, now) }),
  },
  'a killed runner takes what its tasks had begun with it': {
    edits: [worker('attempts/attempts.js', 'this.begunTasks.cut(attempt, cut);', '')],
  },
  'a worker that is cut off does not stop': {
    edits: [worker('ownership/ownership.js', 'this.#cutOff = true;', 'return;')],
  },
  'a stale owner may write': {
    decisions: ({ decideCheckpoint }) => ({
      decideCheckpoint: (row, workerId, checkpoint, ...rest) =>
        decideCheckpoint(
          row,
          row?.workerId ?? workerId,
          { ...checkpoint, attempt: row?.attempt ?? checkpoint.attempt },
          ...rest,
        ),
    }),
  },
  'a duplicate of a checkpoint is applied again': {
    decisions: ({ decideCheckpoint }) => ({
      decideCheckpoint: (row, workerId, checkpoint, ...rest) =>
        decideCheckpoint(
          row && { ...row, checkpointSeq: Math.min(row.checkpointSeq, checkpoint.seq - 1) },
          ...[workerId, checkpoint, ...rest],
        ),
    }),
  },
  'a cancel that got lost is not sent again': {
    decisions: ({ decideDue }) => ({
      decideDue: (row, ...rest) => {
        const change = decideDue(row, ...rest);
        if (!change || row?.state !== 'CANCELLING') return change;
        return { ...change, outbox: change.outbox.filter(({ kind }) => kind !== 'cancel') };
      },
    }),
    core: (ours) => {
      const { sessions } = ours;
      const heartbeat: typeof sessions.heartbeat = async (request) => {
        return { ...(await sessions.heartbeat(request)), cancels: [] };
      };
      return { ...ours, sessions: withMethods(sessions, { heartbeat }) };
    },
  },
  'a cancel waits for an owner that never reports': {
    decisions: ({ decideDue }) => ({
      decideDue: (row, ...rest) => {
        if (row?.workerId == null || !row.cancellation) return decideDue(row, ...rest);
        const { cancellation } = row;
        const endless = {
          ...row,
          cancellation: { ...cancellation, latestAt: cancellation.requestedAt + 1e9 },
        };
        const change = decideDue(endless, ...rest);
        return change && { ...change, row: { ...change.row, cancellation } };
      },
    }),
  },
  'the grace period counts from the request': {
    decisions: ({ decideDue }) => ({
      decideDue: (row, ...rest) => {
        const { requestedAt = 0, graceMs } = row?.cancellation ?? {};
        if (!row?.cancellation || graceMs === undefined) return decideDue(row, ...rest);
        const latestAt = requestedAt + graceMs;
        return decideDue({ ...row, cancellation: { ...row.cancellation, latestAt } }, ...rest);
      },
    }),
  },
  'what a crash left in the outbox stays there': {
    stores: (ours) => ({ ...ours, outbox: { ...ours.outbox, take: () => [] } }),
  },
  'others have it before a worker that is cut off has stopped': {
    stores: (ours) => {
      const findOrphans: MemoryStores['executions']['findOrphans'] = (_lostMs, ...rest) =>
        ours.executions.findOrphans(0, ...rest);
      return { ...ours, executions: { ...ours.executions, findOrphans } };
    },
  },
  'a cancel is taken back after it was delivered': {
    decisions: ({ decideUndo }) => ({
      decideUndo: (row, ...rest) => {
        const { workerId, attempt, cancellation } = row;
        if (!cancellation) return decideUndo(row, ...rest);
        const before = { state: 'SCHEDULED', parking: null, ...cancellation.before, attempt } as const;
        const unsent = { ...row, workerId: null, cancellation: { ...cancellation, before } };
        const decision = decideUndo(unsent, ...rest);
        if (decision.kind !== 'undone') return decision;
        return { ...decision, change: { ...decision.change, row: { ...decision.change.row, workerId } } };
      },
    }),
  },
  'the deadline of a cleanup is not kept': {
    edits: [worker('attempts/escalation.js', 'void attempt.runner?.kill();', '')],
  },
  'an end is told before all that was started has ended': {
    edits: [
      worker('runtime/execution.js', 'await goesOn;', ''),
      worker('runtime/execution.js', 'await this.#inFlight.idle();', ''),
    ],
  },
};
