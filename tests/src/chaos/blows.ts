import { setTimeout as wait } from 'node:timers/promises';
import { queryOnce, until } from '@flux/testing';
import { FAULTS, type Fault } from '../promises/faults.js';
import type { Away } from './away.js';
import { oneOf } from './random.js';

/** The lease of the deployment that is broken here. */
export const LEASE_MS = 5_000;
/** No server is away for longer where the machine has time. */
export const LONGEST_OUTAGE_MS = 4_500;

/** A worker that was woken, and when. */
export interface Thaw {
  readonly at: number;
  readonly pid: number;
}

/** The servers that are this chaos' own, and may be broken. */
export interface OwnServers {
  readonly databaseUrl: string;
  /** Runs `rabbitmqctl`. */
  ctl(...args: string[]): Promise<void>;
}

export interface BlowsParts {
  /** Absent: they are others' too. */
  readonly servers: OwnServers | undefined;
  readonly away: Away;
  /** Told of every worker that wakes after its lease. */
  onThaw(thaw: Thaw): void;
}

/** The blows to a lab; to its servers too where they are nobody else's. */
export function blowsOf({ servers, away, onThaw }: BlowsParts): Readonly<Record<string, Fault>> {
  const blows: Readonly<Record<string, Fault>> = {
    kill: async (lab, random) => {
      const name = oneOf(random, [...lab.workers.keys()]);
      await lab.workers.get(name)?.kill();
      await wait(random() * 3_000);
      await lab.startWorker(name);
    },
    freeze: FAULTS.freeze,
    /** The worker wakes when others have what it ran. */
    freezeBeyondLease: async (lab, random) => {
      const { pid } = lab.workers.get(oneOf(random, [...lab.workers.keys()]))!;
      process.kill(pid, 'SIGSTOP');
      await wait(LEASE_MS + 500 + random() * 3_000);
      onThaw({ at: Date.now(), pid });
      process.kill(pid, 'SIGCONT');
    },
    restartApi: FAULTS.restartApi,
    cut: FAULTS.cut,
    /** The broker is away for longer than most grace periods. */
    longOutage: (lab, random) =>
      away.during(async () => {
        await lab.proxy.stop();
        await wait(1_000 + random() * 3_000);
        await lab.proxy.start();
      }),
    /** Nothing answers at the database's address for a while. */
    databaseAway: (lab, random) =>
      away.during(async () => {
        await lab.databaseProxy?.stop();
        await wait(500 + random() * 2_000);
        await lab.databaseProxy?.start();
      }),
  };
  return servers ? { ...blows, ...blowsToServers(servers, away) } : blows;
}

function blowsToServers({ databaseUrl, ctl }: OwnServers, away: Away): Readonly<Record<string, Fault>> {
  return {
    /** The queues that outlive it are there when it is back, and no connection is. */
    brokerRestarts: (_lab, random) =>
      away.during(async () => {
        await ctl('stop_app');
        await wait(random() * 1_000);
        await ctl('start_app');
      }),
    /** A server process that is killed has PostgreSQL end all others and recover from its log. */
    databaseCrashes: () =>
      away.during(async () => {
        const [victim] = await queryOnce<{ pid: number }>(
          databaseUrl,
          `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1`,
        );
        if (victim) process.kill(victim.pid, 'SIGKILL');
        const isUp = (): Promise<boolean> =>
          queryOnce(databaseUrl, 'SELECT 1').then(
            () => true,
            () => false,
          );
        await until('PostgreSQL to be back', isUp, 60_000, 100);
      }),
  };
}
