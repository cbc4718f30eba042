import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';

/** What a beat takes on a machine that has time for it: the wait of 50 ms and a commit to the disk. */
const BEAT_MS = 100;
const WAIT_MS = 50;

interface Beat {
  readonly from: number;
  readonly to: number;
}

/**
 * How far the machine kept everyone waiting: a clock beside Flux that waits 50 ms and commits a row, again and again.
 * The promises' bounds are for machines with time to spare; what a beat took too long, no promise can make up for.
 */
export class MachinePace {
  readonly #beats: Beat[] = [];
  readonly #client: Client;
  readonly #over = new AbortController();
  #beating: Promise<void> = Promise.resolve();

  private constructor(databaseUrl: string) {
    this.#client = new Client({ connectionString: databaseUrl });
  }

  static async begin(databaseUrl: string): Promise<MachinePace> {
    const pace = new MachinePace(databaseUrl);
    await pace.#client.connect();
    await pace.#client.query('CREATE TABLE machine_pace AS SELECT 0 AS beat');
    pace.#beating = pace.#beat();
    return pace;
  }

  /** The milliseconds between the two times, in ms since 1970, for which beats were late. */
  lateMs(from: number, to: number): number {
    const late = ({ from: began, to: ended }: Beat): number =>
      Math.max(0, Math.min(ended, to) - Math.max(began + BEAT_MS, from));
    return this.#beats.reduce((sum, beat) => sum + late(beat), 0);
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#beating;
    await this.#client.query('DROP TABLE machine_pace');
    await this.#client.end();
  }

  async #beat(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const from = Date.now();
      await wait(WAIT_MS);
      await this.#client.query('UPDATE machine_pace SET beat = beat + 1');
      this.#beats.push({ from, to: Date.now() });
    }
  }
}
