import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Survivor {
  readonly pid: number;
  readonly command: string;
}

/**
 * The processes, children's children included, that were started with the variable `entry` (`NAME=value`) and
 * are still there `settleMs` after the call. Linux only; elsewhere none are found.
 */
export async function findSurvivors(entry: string, settleMs: number): Promise<Survivor[]> {
  const deadline = Date.now() + settleMs;
  for (;;) {
    const found = await processesWith(entry);
    if (found.length === 0 || Date.now() > deadline) return found;
    await sleep(50);
  }
}

async function processesWith(entry: string): Promise<Survivor[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!environment.split('\0').includes(entry)) return undefined;
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(pid), command: command.replaceAll('\0', ' ').trim() };
    }),
  );
  return found.filter((survivor) => survivor !== undefined);
}
