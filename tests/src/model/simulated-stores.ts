import type { Database, MemoryStores, Stores } from '@flux/api/testing';
import { played } from '@flux/api/testing';
import { FluxError } from '@flux/domain';
import type { EventLoop } from './event-loop.js';
import { counted, kindOf } from './kinds.js';
import type { PlannedFault } from './program.js';
import type { Tally } from './tally.js';
import type { World } from './world.js';

/** The calls that write to executions. */
const WRITES = ['insert', 'write'];

/** The server that all api processes share: what it keeps outlives them. */
export class StoreServer {
  /** The planned faults, which strike one after the other. */
  readonly #faults: Array<{ readonly fault: PlannedFault; readonly strike: () => void; skips: number }> = [];

  constructor(
    readonly stores: MemoryStores,
    private readonly tally: Tally,
    /** Told of every change when it is durable. */
    private readonly onCommitted: () => void,
  ) {}

  /** A call that comes loses its connection, and `strike` is called then. */
  plan(fault: PlannedFault, strike: () => void): void {
    this.#faults.push({ fault, strike, skips: fault.skips });
  }

  /** Nothing that was planned happens any more. */
  appease(): void {
    this.#faults.length = 0;
  }

  execute<Result>(call: () => Result, method: string): Result {
    const lose = this.#faultOf(method);
    if (lose?.when === 'before') lose.strike();
    const result = call();
    this.onCommitted();
    if (lose?.when === 'after') lose.strike();
    return result;
  }

  #faultOf(method: string): { readonly when: PlannedFault['when']; strike(): never } | undefined {
    const [next] = this.#faults;
    if (!next || (next.fault.among === 'writes' && !WRITES.includes(method))) return undefined;
    next.skips -= 1;
    if (next.skips >= 0) return undefined;
    const hit = next;
    this.#faults.shift();
    const strike = (): never => {
      this.tally.add(counted.mishap(kindOf(hit.fault)));
      hit.strike();
      throw new FluxError('DATABASE_UNAVAILABLE', 'the connection to the database was lost');
    };
    return { when: hit.fault.when, strike };
  }
}

/** The stores as one process has them: a call and its answer are a step of the world each. */
export function simulatedStores(
  world: World,
  server: StoreServer,
  loop: EventLoop,
): { readonly stores: Stores; readonly database: Database } {
  /** Each on a connection of its own, so that none waits for another. */
  const play = <Result>(call: () => Result, method: string): Promise<Result> =>
    new Promise((resolve, reject) => {
      const answers = world.lane(loop);
      world.lane(undefined).post(() => {
        try {
          const result = server.execute(call, method);
          answers.post(() => resolve(result));
        } catch (error) {
          answers.post(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      });
    });
  const unplayed = (): Promise<never> => Promise.reject(new Error('the model plays no statements'));
  return {
    stores: played(server.stores, play),
    // Bulk cancels and schedules are not played: there are none of them.
    database: {
      query: (statement) => play(() => [], statement.name),
      transaction: unplayed,
      now: () => Date.now(),
      fault: () => undefined,
      close: async () => undefined,
    },
  };
}
