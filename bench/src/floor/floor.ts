import { fileURLToPath } from 'node:url';
import { Pool } from 'pg';
import type { Lab } from '../lab.js';
import { monotonicMs } from '../stats.js';
import { floorQueues, openBrokerLink, type BrokerLink } from './broker-link.js';

const PEER = fileURLToPath(new URL('./peer.js', import.meta.url));
const POOL_SIZE = 8;

/**
 * The same input and output as a cancel, by a bare script (its process A): commit, confirmed publish, another
 * process that acknowledges and publishes back confirmed, commit. No product can be faster on this machine without
 * giving up a commit or a confirm.
 */
export class Floor {
  private readonly returns = new Map<number, () => void>();
  private lastId = 0;

  private constructor(
    private readonly pool: Pool,
    private readonly link: BrokerLink,
    private readonly queue: string,
  ) {}

  static async start(lab: Lab): Promise<Floor> {
    const pool = new Pool({ connectionString: lab.databaseUrl, max: POOL_SIZE });
    lab.defer(() => pool.end());
    await pool.query('CREATE TABLE floor_execution (id bigint PRIMARY KEY, state text NOT NULL)');
    await pool.query(
      `CREATE TABLE floor_event (execution_id bigint, seq int, at timestamptz DEFAULT now(),
         PRIMARY KEY (execution_id, seq))`,
    );
    const { there, back } = floorQueues(lab.namespace);
    const peer = lab.spawnNode([PEER]);
    await peer.waitFor(/ready/, 10_000);
    const link = await openBrokerLink(lab.amqpUrl);
    lab.defer(async () => {
      await link.remove(there);
      await link.remove(back);
      await link.close();
    });
    const floor = new Floor(pool, link, there);
    await link.consume(back, (content, acknowledge) => {
      acknowledge();
      floor.returns.get(Number(content.toString()))?.();
    });
    return floor;
  }

  /** The milliseconds of each of `count` round trips, never more than `inFlight` at once. */
  async measure(count: number, inFlight = 1): Promise<number[]> {
    const ids = Array.from({ length: count }, () => (this.lastId += 1));
    await this.pool.query(
      `INSERT INTO floor_execution SELECT id, 'RUNNING' FROM unnest($1::bigint[]) AS id`,
      [ids],
    );
    const samples: number[] = [];
    const lane = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) samples.push(await this.roundTrip(id));
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    return samples;
  }

  private async roundTrip(id: number): Promise<number> {
    const start = monotonicMs();
    await this.commit(id, 1, 'CANCELLING');
    const returned = new Promise<void>((resolve) => this.returns.set(id, resolve));
    await this.link.publish(this.queue, Buffer.from(String(id)));
    await returned;
    this.returns.delete(id);
    await this.commit(id, 2, 'CANCELLED');
    return monotonicMs() - start;
  }

  private async commit(id: number, seq: number, state: string): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query({
        name: 'floor-event',
        text: 'INSERT INTO floor_event (execution_id, seq) VALUES ($1, $2)',
        values: [id, seq],
      });
      await client.query({
        name: 'floor-state',
        text: 'UPDATE floor_execution SET state = $2 WHERE id = $1',
        values: [id, state],
      });
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  }
}
