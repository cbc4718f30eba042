import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const VARIABLE = Buffer.from('FLUX_EXECUTION=');
/** Files that are many programs, each known by the name that it is called by. */
const MULTI_CALL: ReadonlySet<string> = new Set(['busybox', 'coreutils']);
/** Fields of `/proc/PID/stat` behind the name, which is in brackets and may have any character in it. */
const STATE = 0;
const PARENT = 1;
const GROUP = 2;
const START = 19;

/** A process of this machine that lives. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** The process group that it is in. */
  readonly group: number;
  /** When it began, in ticks since the boot. Pid and this name a process for good. */
  readonly startedAt: number;
}

export interface MarkedProcess extends ProcessFacts {
  /** Whose it is; none where it has no such variable, or nobody may read it. */
  readonly marks: readonly string[];
}

/** Whether this system shows what processes there are, and with what environment they were started. */
export function showsProcesses(): boolean {
  return existsSync('/proc/self/environ') && existsSync('/proc/self/stat');
}

/** `undefined` for a process that is dead, or was never there. */
export function processFacts(pid: number): ProcessFacts | undefined {
  const text = read(`/proc/${pid}/stat`)?.toString('latin1');
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (/[ZXx]/.test(fields[STATE] ?? 'X')) return undefined;
  const [parent, group, startedAt] = [PARENT, GROUP, START].map((at) => Number(fields[at]));
  return { pid, parent: parent ?? 0, group: group ?? 0, startedAt: startedAt ?? 0 };
}

/** When a process began, in ticks since the boot. */
export function processStart(pid: number): number | undefined {
  return processFacts(pid)?.startedAt;
}

/** The marks that a process was started with. */
export function processMarks(pid: number): string[] {
  const environment = read(`/proc/${pid}/environ`);
  if (!environment) return [];
  let at = environment.indexOf(VARIABLE);
  while (at > 0 && environment[at - 1] !== 0) at = environment.indexOf(VARIABLE, at + 1);
  if (at < 0) return [];
  const end = environment.indexOf(0, at);
  const value = environment.toString('utf8', at + VARIABLE.length, end < 0 ? undefined : end);
  return value.split(',').filter(Boolean);
}

/** All processes that began at `since` ticks or later. */
export function lookAround(since: number): MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const facts = processFacts(pid);
    if (facts && facts.startedAt >= since) found.push({ ...facts, marks: processMarks(pid) });
  }
  return found;
}

/** The name of the program that a process runs, without a path and without arguments, which may be secret. */
export function programName(pid: number): string | undefined {
  const path = readLink(`/proc/${pid}/exe`);
  if (path === undefined) return undefined;
  const name = basename(path.replace(/ \(deleted\)$/, ''));
  if (!MULTI_CALL.has(name)) return name;
  const called = read(`/proc/${pid}/cmdline`)?.toString().split('\0', 1)[0];
  return called ? basename(called) : name;
}

/** Changes with the namespace that pids are of. */
export function pidNamespace(): string {
  return /\d+/.exec(readLink('/proc/self/ns/pid') ?? '')?.[0] ?? '0';
}

/** `undefined` for what is gone meanwhile, or not for us to read. */
function read(path: string): Buffer | undefined {
  return unlessRefused(() => readFileSync(path));
}

function readLink(path: string): string | undefined {
  return unlessRefused(() => readlinkSync(path));
}

const REFUSED: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL']);

function unlessRefused<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (REFUSED.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}
