import { createBulk } from './cancellations/bulk.js';
import { BULK_INTERVAL_MS } from './cancellations/bulk-runner.js';
import type { CancellationService } from './cancellations/cancellation-service.js';
import { CheckpointApplier } from './checkpoints/checkpoint-applier.js';
import { Claimer } from './claims/claimer.js';
import { HistoryPages } from './claims/history-pages.js';
import type { CoreOptions } from './core-options.js';
import { createDataSource } from './database/data-source.js';
import { PostgresDatabase, type Database } from './database/database.js';
import { mapStartError } from './database/errors.js';
import { Relay } from './dispatch/relay.js';
import { Canceller } from './executions/cancel/canceller.js';
import { Admissions } from './executions/children/admissions.js';
import { Families } from './executions/children/families.js';
import { Undoer } from './executions/cancel/undoer.js';
import { Commits } from './executions/commits.js';
import type { ExecutionService } from './executions/execution-service.js';
import { ExecutionStore } from './executions/execution-store.js';
import { ExecutionWriter } from './executions/execution-writer.js';
import { FluxExecutionService } from './executions/flux-execution-service.js';
import { Parker } from './executions/parking/parker.js';
import { ExecutionReader } from './executions/read/execution-reader.js';
import { ExecutionWatcher } from './executions/read/execution-watcher.js';
import { InputValidator } from './executions/start/input-validator.js';
import { StartStore } from './executions/start/start-store.js';
import { Starter } from './executions/start/starter.js';
import type { FleetService } from './fleet/fleet-service.js';
import { FluxFleetService } from './fleet/flux-fleet-service.js';
import { LiveVersions } from './fleet/live-versions.js';
import { LiveWorkers } from './fleet/live-workers.js';
import { OwnerLoss } from './fleet/owner-loss.js';
import { PING_INTERVAL_MS, Pings } from './fleet/pings.js';
import { Takers } from './fleet/takers.js';
import { WorkerSessions } from './fleet/worker-sessions.js';
import { WorkflowRegistry } from './fleet/workflow-registry.js';
import { showBlockedRunners } from './metrics/blocked-runners.js';
import { CoreMetrics } from './metrics/core-metrics.js';
import { PeriodicTask } from './periodic-task.js';
import { createSchedules, type Schedules } from './schedules/create-schedules.js';
import type { ScheduleService } from './schedules/schedule-service.js';
import { SCHEDULE_INTERVAL_MS } from './schedules/scheduler.js';
import { SWEEP_INTERVAL_MS, Sweeper } from './sweeper/sweeper.js';
import { ExecutionHub } from './updates/execution-hub.js';
import { pollWatched } from './updates/update-poll.js';
import { UpdatePublisher } from './updates/update-publisher.js';

const OUTBOX_SWEEP_MS = 500;
const LEASE_CHECK_MS = 1_000;
const SAFETY_POLL_MS = 1_000;
const FORGET_INTERVAL_MS = 600_000;

/** The core's parts as others use them, and its life. */
export interface Core {
  readonly executions: ExecutionService;
  readonly cancellations: CancellationService;
  readonly fleet: FleetService;
  readonly schedules: ScheduleService;
  readonly claimer: Claimer;
  readonly histories: HistoryPages;
  readonly checkpoints: CheckpointApplier;
  readonly sessions: WorkerSessions;
  readonly hub: ExecutionHub;
  readonly metrics: CoreMetrics;
  /** Starts what runs by itself. */
  start(): void;
  /** Ends what runs by itself and whoever waits; requests and messages are still answered. */
  quiesce(): Promise<void>;
  /** Waits for what is under way and disconnects from the database. */
  close(): Promise<void>;
}

/**
 * Connects to the database and builds the core.
 * @throws FluxError `DATABASE_UNAVAILABLE`, or `INVALID_SETTINGS` when the database refuses
 */
export async function createCore(options: CoreOptions): Promise<Core> {
  const dataSource = createDataSource(options.databaseUrl, options.logger);
  try {
    await dataSource.initialize();
    const database = new PostgresDatabase(dataSource);
    await database.keepTime();
    return assembleCore(database, options);
  } catch (error) {
    if (dataSource.isInitialized) await dataSource.destroy();
    throw mapStartError(error);
  }
}

/** Builds the core on a database that is its own from now on. */
export function assembleCore(database: Database, options: Omit<CoreOptions, 'databaseUrl'>): Core {
  const { bus, topology, logger, gracePeriodMs } = options;
  const metrics = new CoreMetrics();
  const hub = new ExecutionHub();
  const publisher = new UpdatePublisher(bus, topology);
  const relay = new Relay(database, bus, topology, new Takers(database, options.heartbeatMs), logger);
  const store = new ExecutionStore(database);
  const commits = new Commits(relay, hub, publisher, metrics);
  const writer = new ExecutionWriter(store, commits);
  const registry = new WorkflowRegistry(database, logger);
  const workers = new LiveWorkers(database);
  const loss = new OwnerLoss(database, store, writer, workers, metrics, logger);
  const families = new Families(database, store, writer, relay, options);
  const sessions = new WorkerSessions(database, relay, registry, loss, families, options, logger);
  const pings = new Pings(database, bus, topology, loss);
  relay.ownerGone.listen((workerId) => pings.suspect(workerId));
  const starts = new StartStore(database, store, relay);
  const starter = new Starter(starts, registry, new InputValidator(), metrics);
  const admissions = new Admissions(starter, store, gracePeriodMs);
  const { canceller, undoer, parker } = wishesOf(store, writer, metrics, gracePeriodMs);
  const claimer = new Claimer(database, store, writer, workers, metrics, gracePeriodMs);
  const checkpoints = new CheckpointApplier(store, writer, admissions, bus, topology, metrics, logger);
  const reader = new ExecutionReader(database, store);
  const watcher = new ExecutionWatcher(reader, hub);
  const versions = new LiveVersions(database);
  const sweeper = new Sweeper(database, store, writer, bus, gracePeriodMs);
  const bulk = createBulk({ database, store, writer, commits, gracePeriodMs, logger });
  const starting = { starter, starts, canceller, executions: store };
  const schedules = createSchedules({ ...starting, database, relay, metrics, logger });
  const tasks = periodicTasks({ sweeper, schedules, relay, pings, loss, bulk, database, hub }, logger);
  return {
    executions: new FluxExecutionService({ starter, canceller, undoer, parker, reader, watcher, versions }),
    cancellations: bulk.service,
    fleet: showBlockedRunners(metrics.registry, new FluxFleetService(database)),
    schedules: schedules.service,
    claimer,
    histories: new HistoryPages(database, store),
    checkpoints,
    sessions,
    hub,
    metrics,
    start: () => tasks.forEach((task) => task.start()),
    quiesce: async () => {
      hub.close();
      pings.stop();
      await Promise.all([...tasks.map((task) => task.stop()), checkpoints.stop(), bulk.runner.stop()]);
    },
    close: async () => {
      await Promise.all(
        [starter, canceller, undoer, parker, claimer, registry, loss].map((part) => part.idle()),
      );
      await Promise.all([relay.idle(), publisher.idle()]);
      await database.close();
    },
  };
}

interface Recurring {
  readonly sweeper: Sweeper;
  readonly schedules: Schedules;
  readonly relay: Relay;
  readonly pings: Pings;
  readonly loss: OwnerLoss;
  readonly bulk: ReturnType<typeof createBulk>;
  readonly database: Database;
  readonly hub: ExecutionHub;
}

/** What runs by itself, each at its own pace. */
function periodicTasks(parts: Recurring, logger: CoreOptions['logger']): PeriodicTask[] {
  const { sweeper, schedules, relay, pings, loss, bulk, database, hub } = parts;
  const every = (name: string, intervalMs: number, work: () => Promise<void>): PeriodicTask =>
    new PeriodicTask(name, intervalMs, work, logger);
  return [
    every('sweep', SWEEP_INTERVAL_MS, () => sweeper.sweep()),
    every('schedules', SCHEDULE_INTERVAL_MS, () => schedules.scheduler.turn()),
    every('outbox', OUTBOX_SWEEP_MS, () => relay.sweep()),
    every('pings', PING_INTERVAL_MS, () => pings.round()),
    every('leases', LEASE_CHECK_MS, () => loss.loseExpired().then(() => loss.reclaim())),
    every('bulk', BULK_INTERVAL_MS, () => bulk.runner.turn()),
    every('watched', SAFETY_POLL_MS, () => pollWatched(database, hub)),
    every('forget', FORGET_INTERVAL_MS, () => loss.forgetOld().then(() => bulk.runner.forgetOld())),
  ];
}

/** What takes the wishes of callers about executions that exist. */
function wishesOf(
  store: ExecutionStore,
  writer: ExecutionWriter,
  metrics: CoreMetrics,
  gracePeriodMs: number,
) {
  return {
    canceller: new Canceller(store, writer, metrics, gracePeriodMs),
    undoer: new Undoer(store, writer),
    parker: new Parker(store, writer),
  };
}
