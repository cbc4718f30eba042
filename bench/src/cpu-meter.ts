import { cpuSeconds, findListener, machineCpuSeconds } from './processes.js';

/** Tells the CPU seconds of this process, of others with their descendants, and of the whole machine. */
export class CpuMeter {
  private constructor(private readonly processes: ReadonlyMap<string, number>) {}

  /**
   * By process id, or by the URL of a server, whose process listens there. Servers that cannot be found (another
   * machine, a container) are left out.
   */
  static async of(subjects: Readonly<Record<string, number | string>>): Promise<CpuMeter> {
    const processes = new Map<string, number>();
    for (const [name, subject] of Object.entries(subjects)) {
      const pid = typeof subject === 'number' ? subject : await findListener(Number(new URL(subject).port));
      if (pid !== undefined) processes.set(name, pid);
    }
    return new CpuMeter(processes);
  }

  /** CPU seconds of each so far, by name. */
  async read(): Promise<Record<string, number>> {
    const seconds: Record<string, number> = {};
    const { user, system } = process.cpuUsage();
    seconds['bench client'] = (user + system) / 1e6;
    for (const [name, pid] of this.processes) seconds[name] = await cpuSeconds(pid);
    seconds['whole machine'] = await machineCpuSeconds();
    return seconds;
  }
}
