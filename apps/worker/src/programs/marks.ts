import { processStart, pidNamespace } from './processes.js';

/**
 * The variable that tells whose a program is. Whatever the program starts inherits it, wherever that moves. Where one
 * Flux runs inside a program of another one, it has a mark of each, with commas between them.
 */
export const MARK_VARIABLE = 'FLUX_EXECUTION';

/** One life of a worker, as marks name it. Of two lives of one name the processes tell which of them goes on. */
export interface Incarnation {
  readonly workerId: string;
  /** The process of its supervisor. */
  readonly pid: number;
  /** When that process began, in ticks since the boot; pids are used again. */
  readonly startedAt: number;
  /** In another namespace these pids are others. */
  readonly namespace: string;
}

/** This process as a worker's. */
export function incarnationOf(workerId: string): Incarnation {
  const { pid } = process;
  return { workerId, pid, startedAt: processStart(pid) ?? 0, namespace: pidNamespace() };
}

export function incarnationText({ workerId, pid, startedAt, namespace }: Incarnation): string {
  return [workerId, pid, startedAt, namespace].join('~');
}

function parseIncarnation(text: string): Incarnation | undefined {
  const [workerId, pid, startedAt, namespace, ...more] = text.split('~');
  if (!workerId || !namespace || more.length > 0) return undefined;
  return { workerId, pid: Number(pid), startedAt: Number(startedAt), namespace };
}

/** The programs of one attempt: all marks that begin with this. */
export function attemptGroup(incarnation: string, executionId: string, attempt: number): string {
  return `${incarnation}:${executionId}:${attempt}:`;
}

/** The programs that a runner started for no execution, as while it loaded. */
export function runnerGroup(incarnation: string, runnerId: string): string {
  return `${incarnation}:runner:${runnerId}:`;
}

/** The mark of one program of a group, which counts its programs. */
export function markOf(group: string, number: number): string {
  return `${group}${number}`;
}

/** The incarnation in a mark; `undefined` where it is none. */
export function markedBy(mark: string): Incarnation | undefined {
  return parseIncarnation(mark.slice(0, Math.max(0, mark.indexOf(':'))));
}

/** The value of the variable for a program: what this process has been marked with, and `mark`. */
export function markValue(outer: string | undefined, mark: string): string {
  return outer ? `${outer},${mark}` : mark;
}

/** The name of a worker, without its incarnation. */
export function nameOf(workerId: string): string {
  return workerId.slice(0, Math.max(0, workerId.lastIndexOf('@')));
}
