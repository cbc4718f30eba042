import { readdir, readFile, readlink } from 'node:fs/promises';

/** What Linux's /proc says about processes of this machine. */

const CLOCK_TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  /** Of the process and of those children it has already waited for. */
  readonly cpuSeconds: number;
}

/** CPU seconds that `pid` and all its descendants have used so far; 0 once it is gone. */
export async function cpuSeconds(pid: number): Promise<number> {
  const all = await Promise.all((await processIds()).map(readTimes));
  const known = all.filter((times) => times !== undefined);
  const family = new Set([pid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const times of known) if (family.has(times.parent)) family.add(times.pid);
  }
  return known.filter((times) => family.has(times.pid)).reduce((sum, times) => sum + times.cpuSeconds, 0);
}

/** CPU seconds that everything on this machine has used since it booted. */
export async function machineCpuSeconds(): Promise<number> {
  const [, ...columns] = (await readFile('/proc/stat', 'utf8')).split('\n', 1)[0]?.split(/\s+/) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = columns.map(Number);
  return (user + nice + system + irq + softIrq) / CLOCK_TICKS_PER_SECOND;
}

/** Resident memory of a process in MiB, now and at its highest. */
export async function residentMiB(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/**
 * The process that listens on a TCP port of this machine. `undefined` when there is none, or this account may not
 * see it (another user's, or in a container).
 */
export async function findListener(port: number): Promise<number | undefined> {
  const sockets = new Set<string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      const isListening = state === '0A' && parseInt(local.split(':')[1] ?? '', 16) === port;
      if (isListening && inode) sockets.add(`socket:[${inode}]`);
    }
  }
  for (const pid of await processIds()) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (sockets.has(target)) return pid;
    }
  }
  return undefined;
}

async function processIds(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

async function readTimes(pid: number): Promise<ProcessTimes | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The command's name comes second, in parentheses, and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), cpuSeconds: ticks / CLOCK_TICKS_PER_SECOND };
}
