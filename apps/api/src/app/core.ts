import type { Topology } from '@flux/contracts';
import type { Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import { BULK_INTERVAL_MS } from '../bulk-cancels/bulk-runner.js';
import { createBulk } from '../bulk-cancels/bulk.js';
import type { Core } from '../bus/ports.js';
import { connectDatabase, CONNECTIONS } from '../database/data-source.js';
import { PostgresDatabase, type Database } from '../database/database.js';
import { mapStartError } from '../database/errors.js';
import { FewConnections } from '../database/few-connections.js';
import { Relay } from '../dispatch/relay.js';
import { Announcer } from '../executions/announcer.js';
import { Canceller } from '../executions/cancel.js';
import { CheckpointApplier } from '../executions/checkpoint.js';
import { ChildAdmission } from '../executions/child-admission.js';
import { Claimer } from '../executions/claim.js';
import { ExecutionWriter } from '../executions/execution-writer.js';
import { createExecutionService } from '../executions/facade.js';
import { Families } from '../executions/families.js';
import { readChildEnd, readHistory, readInput } from '../executions/history.js';
import type { VerbParts } from '../executions/parts.js';
import { Pauser } from '../executions/pause.js';
import { ExecutionReader } from '../executions/read.js';
import { CheckThreads } from '../executions/check-threads.js';
import { InputValidator } from '../executions/start-input.js';
import { Starter } from '../executions/start.js';
import { StoredTexts } from '../executions/stored-texts.js';
import { createSweep, SWEEP_INTERVAL_MS } from '../executions/sweep.js';
import { Undoer } from '../executions/undo-cancel.js';
import { ExecutionWatcher } from '../executions/watch.js';
import { showBlockedRunners } from '../fleet/blocked-runners.js';
import { showStrays } from '../fleet/stray-figures.js';
import { WorkersByHand } from '../fleet/by-hand.js';
import { Fleet } from '../fleet/fleet-service.js';
import { BrokerAlarm } from '../fleet/broker-alarm.js';
import { OwnerLoss } from '../fleet/owner-loss.js';
import { PING_INTERVAL_MS, Pings } from '../fleet/pings.js';
import { WorkerSessions } from '../fleet/worker-sessions.js';
import { PeriodicTask } from '../flow/periodic-task.js';
import { DECISIONS, type Decisions } from '../lifecycle/replaceable.js';
import { showBrokerState } from '../metrics/broker-state.js';
import { CoreMetrics } from '../metrics/core-metrics.js';
import { AvailableWorkers } from '../registry/available-workers.js';
import { LiveVersions } from '../registry/live-versions.js';
import { LiveWorkers } from '../registry/live-workers.js';
import { WorkflowRegistry } from '../registry/workflows.js';
import { createSchedules, type Schedules } from '../schedules/create-schedules.js';
import { SCHEDULE_INTERVAL_MS } from '../schedules/scheduler.js';
import { FleetStore } from '../store/fleet-store.js';
import type { Stores } from '../store/ports.js';
import { postgresStores } from '../store/postgres-stores.js';
import { ExecutionHub } from '../updates/execution-hub.js';
import { UpdatePublisher } from '../updates/update-publisher.js';

/** Lists and polls of large executions leave the others to starts, cancels, checkpoints and the leases of workers. */
const MOST_READS = CONNECTIONS - 4;

const OUTBOX_SWEEP_MS = 500;

const LEASE_CHECK_MS = 1_000;

const SAFETY_POLL_MS = 1_000;

const FORGET_INTERVAL_MS = 600_000;

/** How long workers that have gone, and pieces of values that nothing refers to, are kept. */
const FORGET_AFTER_MS = 24 * 3_600_000;

/** The parts that the core is built from. The bus stays its maker's to close. */
export interface CoreOptions {
  readonly databaseUrl: string;
  readonly topology: Topology;
  readonly bus: Bus;
  /** Milliseconds without a heartbeat until a worker is lost. */
  readonly leaseMs: number;
  /** How often workers shall send one; milliseconds. */
  readonly heartbeatMs: number;
  /** The grace period of executions whose workflow and request name none; milliseconds. */
  readonly gracePeriodMs: number;
  /** The time for the check of an input; milliseconds. */
  readonly inputCheckMs: number;
  /** How many executions may be above one in a tree. */
  readonly maxDepth: number;
  readonly logger: Logger;
}

/**
 * Connects to the database and builds the core.
 * @throws FluxError `DATABASE_UNAVAILABLE`, or `INVALID_SETTINGS` when the database refuses
 */
export async function createCore(options: CoreOptions): Promise<Core> {
  const connected = await connectDatabase(options.databaseUrl, options.logger);
  const database = new PostgresDatabase(connected, options.logger);
  try {
    await database.keepTime();
    const shared = new FewConnections(database, MOST_READS);
    return assembleCore({
      ...options,
      database,
      stores: postgresStores(database),
      shown: { database: shared, stores: postgresStores(shared) },
      decisions: DECISIONS,
    });
  } catch (error) {
    await database.close();
    throw mapStartError(error);
  }
}

/** The parts of a core, which owns the database from now on. */
export interface CoreParts extends Omit<CoreOptions, 'databaseUrl'> {
  readonly stores: Stores;
  /** The database itself, for the things that have no port: lists, schedules, bulk cancels. */
  readonly database: Database;
  /** The same, for what REST shows of executions. */
  readonly shown: { readonly stores: Stores; readonly database: Database };
  readonly decisions: Decisions;
}

export function assembleCore(parts: CoreParts): Core {
  const { stores, database, bus, logger } = parts;
  const store = stores.executions;
  const metrics = new CoreMetrics(() => database.fault() === undefined);
  showBrokerState(metrics.registry, bus);
  const hub = new ExecutionHub();
  const publisher = new UpdatePublisher(bus, parts.topology);
  const available = new AvailableWorkers(stores.workers, parts.heartbeatMs);
  const relay = new Relay({ ...parts, outbox: stores.outbox, available });
  const announcer = new Announcer({ relay, hub, publisher, metrics });
  const writer = new ExecutionWriter(store, announcer);
  const registry = new WorkflowRegistry(stores.workflows, logger);
  const workers = new LiveWorkers(stores.workers);
  const threads = new CheckThreads(parts.inputCheckMs);
  const validator = new InputValidator(threads);
  const common = { ...parts, store, writer, relay, registry, validator, workers, metrics };
  const { loss, sessions, alarm, pings } = workerParts(common);
  const starter = new Starter(common);
  const bulk = createBulk({ ...common, announcer, executions: store, limits: parts });
  const childAdmission = new ChildAdmission({ ...common, starter, bars: bulk.bars });
  const { canceller, undoer, pauser, claimer } = verbParts(common);
  const texts = new StoredTexts(stores.pieces);
  const checkpoints = new CheckpointApplier({ ...common, childAdmission, texts });
  const versions = new LiveVersions(stores.workflows);
  const reader = new ExecutionReader({ ...parts.shown, versions });
  const watcher = new ExecutionWatcher(reader, hub);
  const sweep = createSweep(common);
  const { fleetStore, ...operated } = fleetParts(common);
  const schedules = createSchedules({ ...common, starter, canceller, executions: store });
  const recurring = { sweep, schedules, relay, pings, loss, bulk, fleet: fleetStore, stores, hub };
  const tasks = periodicTasks(recurring, logger);
  return {
    executions: createExecutionService({ starter, canceller, undoer, pauser, reader, watcher, versions }),
    cancellations: bulk.service,
    ...operated,
    schedules: schedules.service,
    claimer,
    ...ownerReads(stores),
    texts,
    checkpoints,
    sessions,
    loss,
    hub,
    metrics,
    start: () => tasks.forEach((task) => task.start()),
    quiesce: async () => {
      hub.close();
      pings.stop();
      alarm.stop();
      await Promise.all([...tasks.map((task) => task.stop()), checkpoints.stop(), bulk.runner.stop()]);
    },
    close: async () => {
      await Promise.all(
        [starter, canceller, undoer, pauser, claimer, registry, loss].map((part) => part.idle()),
      );
      await Promise.all([relay.idle(), publisher.idle(), threads.close()]);
      await database.close();
    },
  };
}

/** The parts that look after workers. */
function workerParts(common: CoreParts & VerbParts & { readonly validator: InputValidator }) {
  const alarm = new BrokerAlarm(common.bus);
  const loss = new OwnerLoss({ ...common, alarm });
  const sessions = new WorkerSessions({ ...common, loss, families: new Families(common) });
  const pings = new Pings({ ...common, workers: common.stores.workers, loss, alarm });
  common.relay.ownerGone.on('told', (workerId) => pings.suspect(workerId));
  return { loss, sessions, pings, alarm };
}

/** What operators see of workers and ask of them. */
function fleetParts(
  common: CoreParts & VerbParts,
): { fleetStore: FleetStore } & Pick<Core, 'fleet' | 'byHand'> {
  const fleetStore = new FleetStore(common.database);
  const { registry: figures } = common.metrics;
  const fleet = showStrays(figures, showBlockedRunners(figures, new Fleet(fleetStore)));
  const byHand = new WorkersByHand({ ...common, store: common.stores.workers, live: common.workers, fleet });
  return { fleetStore, fleet, byHand };
}

/** The verbs that need nothing but what all have. */
function verbParts(common: VerbParts) {
  return {
    canceller: new Canceller(common),
    undoer: new Undoer(common),
    pauser: new Pauser(common),
    claimer: new Claimer(common),
  };
}

/** What owners of executions ask for beyond their grants. */
function ownerReads(stores: Stores): Pick<Core, 'readHistory' | 'readInput' | 'readChildEnd'> {
  return {
    readHistory: (request) => readHistory(stores, request),
    readInput: (request) => readInput(stores, request),
    readChildEnd: (request) => readChildEnd(stores, request),
  };
}

interface Recurring {
  readonly sweep: () => Promise<void>;
  readonly schedules: Schedules;
  readonly relay: Relay;
  readonly pings: Pings;
  readonly loss: OwnerLoss;
  readonly bulk: ReturnType<typeof createBulk>;
  readonly fleet: FleetStore;
  readonly stores: Stores;
  readonly hub: ExecutionHub;
}

/** The tasks that run by themselves, each at its own pace. */
function periodicTasks(parts: Recurring, logger: Logger): PeriodicTask[] {
  const { sweep, schedules, relay, pings, loss, bulk, fleet, stores, hub } = parts;
  const every = (name: string, intervalMs: number, work: () => Promise<void>): PeriodicTask =>
    new PeriodicTask({ name, intervalMs, work, logger });
  return [
    every('sweep', SWEEP_INTERVAL_MS, sweep),
    every('schedules', SCHEDULE_INTERVAL_MS, () => schedules.scheduler.turn()),
    every('outbox', OUTBOX_SWEEP_MS, () => relay.sweep()),
    every('pings', PING_INTERVAL_MS, () => pings.round()),
    every('leases', LEASE_CHECK_MS, async () => {
      await loss.loseExpired();
      await loss.reclaim();
    }),
    every('bulk', BULK_INTERVAL_MS, () => bulk.runner.turn()),
    // Updates that the broker did not bring.
    every('watched', SAFETY_POLL_MS, async () => {
      const watched = hub.watched();
      if (watched.length > 0) hub.notify(await stores.executions.readStates(watched));
    }),
    every('forget', FORGET_INTERVAL_MS, async () => {
      await fleet.forget(FORGET_AFTER_MS);
      await stores.pieces.forget(FORGET_AFTER_MS);
      await bulk.runner.forgetOld();
    }),
  ];
}
