import { cpuSeconds, findListener, machineCpuSeconds } from '@flux/testing';
import type { Flux } from './flux.js';
import type { Lab } from './lab.js';

type Seconds = Readonly<Record<string, number>>;

/**
 * Tells the CPU seconds of this process, of Flux and its servers with their descendants, and of the whole machine.
 * Servers that cannot be found (another machine, a container) are left out.
 */
export class CpuMeter {
  private constructor(private readonly processes: ReadonlyMap<string, number>) {}

  static async of({ api, worker }: Flux, { databaseUrl, amqpUrl }: Lab): Promise<CpuMeter> {
    const processes = new Map([
      ['api', api.pid],
      ['worker', worker.pid],
    ]);
    for (const [name, url] of Object.entries({ postgres: databaseUrl, rabbitmq: amqpUrl })) {
      const pid = await findListener(Number(new URL(url).port));
      if (pid !== undefined) processes.set(name, pid);
    }
    return new CpuMeter(processes);
  }

  /** CPU seconds of each so far, by name. */
  async read(): Promise<Seconds> {
    const seconds: Record<string, number> = {};
    const { user, system } = process.cpuUsage();
    seconds['bench client'] = (user + system) / 1e6;
    for (const [name, pid] of this.processes) seconds[name] = await cpuSeconds(pid);
    seconds['whole machine'] = await machineCpuSeconds();
    return seconds;
  }
}

/** The CPU milliseconds between two readings for each of `count` things, as figures by name. */
export function cpuFigures(thing: string, count: number, before: Seconds, after: Seconds): Seconds {
  const spent = Object.entries(after).map(([name, seconds]) => {
    return [`CPU ms per ${thing}: ${name}`, (1000 * (seconds - (before[name] ?? 0))) / count] as const;
  });
  return Object.fromEntries(spent);
}
