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
  /** When the beat under way began; none is under way any more once it is in the future. */
  #from = Date.now();

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

  /** Runs work beside such a clock. */
  static async beside<T>(databaseUrl: string, work: (pace: MachinePace) => Promise<T>): Promise<T> {
    const pace = await MachinePace.begin(databaseUrl);
    try {
      return await work(pace);
    } finally {
      await pace.close();
    }
  }

  /**
   * Resolves as the work does.
   * @throws Error when it took longer than it may on a machine that has time for it
   */
  static async inTime<T>(databaseUrl: string, limitMs: number, work: () => Promise<T>): Promise<T> {
    return MachinePace.beside(databaseUrl, async (pace) => {
      const began = Date.now();
      const result = await work();
      const tookMs = pace.fairMs(began, Date.now());
      if (tookMs < limitMs) return result;
      throw new Error(`it took ${tookMs} ms without what the machine was late, and may take ${limitMs} ms`);
    });
  }

  /** The milliseconds between the two times, in ms since 1970, for which beats were late. */
  lateMs(from: number, to: number): number {
    const late = ({ from: began, to: ended }: Beat): number =>
      Math.max(0, Math.min(ended, to) - Math.max(began + BEAT_MS, from));
    const beats = [...this.#beats, { from: this.#from, to: Date.now() }];
    return beats.reduce((sum, beat) => sum + late(beat), 0);
  }

  /** The milliseconds from one time to the other but for those for which beats were late. */
  fairMs(from: number, to: number): number {
    return to - from - this.lateMs(from, to);
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#beating;
    await this.#client.query('DROP TABLE machine_pace');
    await this.#client.end();
  }

  async #beat(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const from = (this.#from = Date.now());
      await wait(WAIT_MS);
      await this.#client.query('UPDATE machine_pace SET beat = beat + 1');
      this.#beats.push({ from, to: Date.now() });
    }
    this.#from = Number.POSITIVE_INFINITY;
  }
}
