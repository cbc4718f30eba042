import { execFile } from 'node:child_process';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Stops what still runs on this cluster after its Flux was killed, and waits until it is gone. To be called
 * only under the data folder's lock: then nobody alive owns such a server.
 */
export async function stopLeftoverServer(cluster: string, log: (line: string) => void): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid');
  const postmaster = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  const found = await serverProcesses(cluster);
  if (found.length > 0) {
    log(`stopping a PostgreSQL left behind by a killed Flux (process ${found.join(', ')})`);
    if (found.includes(postmaster)) signalAll([postmaster], 'SIGINT');
    else signalAll(found, 'SIGQUIT');
    const gone =
      (await waitUntilGone(cluster, 15_000)) ||
      (await signalAndWait(cluster, 'SIGQUIT')) ||
      (await signalAndWait(cluster, 'SIGKILL'));
    if (!gone) throw new Error(`processes ${found.join(', ')} of an earlier run in ${cluster} do not end`);
  }
  // PostgreSQL takes any live process of that number for a server, a zombie or a stranger who got it since.
  if (postmaster > 0 && isAlive(postmaster)) await rm(pidFile, { force: true });
}

async function signalAndWait(cluster: string, signal: NodeJS.Signals): Promise<boolean> {
  signalAll(await serverProcesses(cluster), signal);
  return waitUntilGone(cluster, 5_000);
}

async function waitUntilGone(cluster: string, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while ((await serverProcesses(cluster)).length > 0) {
    if (Date.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** PostgreSQL's processes work in their cluster's folder, which tells them from whoever reuses their numbers. */
async function serverProcesses(cluster: string): Promise<number[]> {
  if (process.platform !== 'linux') return serverProcessesByArguments(cluster);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => undefined)));
  return pids.filter((_, index) => folders[index] === cluster).map(Number);
}

async function serverProcessesByArguments(cluster: string): Promise<number[]> {
  const { stdout } = await run('ps', ['-ax', '-ww', '-o', 'pid=,command='], { maxBuffer: 16 * 1024 * 1024 });
  const lines = stdout
    .split('\n')
    .filter((line) => /postgres -D /.test(line) && line.includes(` ${cluster} `));
  return lines.map((line) => Number.parseInt(line, 10));
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
