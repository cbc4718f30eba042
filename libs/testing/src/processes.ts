/** Processes of this machine, as Linux's /proc tells of them. */
import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { leftAfter } from './wait.js';

const CLOCK_TICKS_PER_SECOND = 100;

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Whether there is such a process, and not only what is left of it until its parent asks. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The processes that work in a folder below `folder`, or were given one as an argument. */
export function processesIn(folder: string): Promise<FoundProcess[]> {
  return findProcesses(async (proc, command) => {
    const workingFolder = await readlink(`${proc}/cwd`).catch(() => '');
    return command.includes(folder) || workingFolder.startsWith(folder);
  });
}

/**
 * The processes, children's children included, that were started with the variable `entry` (`NAME=value`) and
 * are still there `settleMs` after the call. Linux only; elsewhere none are found.
 */
export function findSurvivors(entry: string, settleMs: number): Promise<FoundProcess[]> {
  const isOne = async (proc: string): Promise<boolean> =>
    (await readFile(`${proc}/environ`, 'utf8').catch(() => '')).split('\0').includes(entry);
  return leftAfter(settleMs, () => findProcesses(isOne));
}

async function findProcesses(
  accept: (proc: string, command: string) => Promise<boolean>,
): Promise<FoundProcess[]> {
  const found = await Promise.all(
    (await processIds()).map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      const command = line.replaceAll('\0', ' ').trim();
      return (await accept(`/proc/${pid}`, command)) ? [{ pid, command }] : [];
    }),
  );
  return found.flat();
}

/** CPU seconds that `pid` and all its descendants, ended ones that were waited for too, have used; 0 once it is gone. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stats = await processStats();
  const family = familyIn(stats, pid);
  const ticks = [...stats].flatMap(([each, stat]) => (family.has(each) ? stat.slice(11, 15) : []));
  return ticks.reduce((sum, field) => sum + Number(field), 0) / CLOCK_TICKS_PER_SECOND;
}

/** The ids of all descendants of `pid` that run; of what has ended nothing is left once its parent has asked. */
export async function descendants(pid: number): Promise<number[]> {
  const stats = await processStats();
  const family = familyIn(stats, pid);
  return [...stats].flatMap(([each, [state]]) =>
    each !== pid && family.has(each) && state !== 'Z' ? [each] : [],
  );
}

function familyIn(stats: ReadonlyMap<number, readonly string[]>, pid: number): Set<number> {
  const family = new Set([pid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const [each, [, parent]] of stats) if (family.has(Number(parent))) family.add(each);
  }
  return family;
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
 * Memory of a process and all its descendants in MiB: what is resident in each of them, and what they take of the machine,
 * where a page that several of them have counts once.
 */
export async function familyMiB(
  pid: number,
): Promise<{ processes: number; resident: number; taken: number }> {
  const family = [pid, ...(await descendants(pid))];
  const sums = { processes: family.length, resident: 0, taken: 0 };
  for (const each of family) {
    const text = await readFile(`/proc/${each}/smaps_rollup`, 'utf8').catch(() => '');
    const field = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) / 1024;
    sums.resident += field('Rss');
    sums.taken += field('Pss');
  }
  return sums;
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
  return (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The process groups of all processes, by process id. */
export async function processGroups(): Promise<Map<number, number>> {
  return new Map([...(await processStats())].map(([pid, [, , group]]) => [pid, Number(group)]));
}

/** The fields of the `stat` file of every process from its state on, by process id. */
async function processStats(): Promise<Map<number, string[]>> {
  const read = async (pid: number): Promise<[number, string[]]> => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // The command's name comes second, in parentheses, and may itself hold spaces and parentheses.
    return [pid, stat.slice(stat.lastIndexOf(')') + 2).split(' ')];
  };
  const stats = await Promise.all((await processIds()).map(read));
  return new Map(stats.filter(([, fields]) => fields.length > 1));
}
