import { createServer, type AddressInfo } from 'node:net';
import type { Cluster } from './postgres-cluster.js';
import { superviseProcess, type SupervisedProcess } from './supervised-process.js';

// Replaying the log after a crash takes its time.
const START_TIMEOUT_MS = 120_000;
const PORT_TRIES = 5;

/**
 * Starts PostgreSQL on a free loopback port and waits until it takes connections (30 ms on a clean cluster).
 * Rejects with the server's last lines when it ends instead.
 */
export async function startServer(
  cluster: Cluster,
  log: (line: string) => void,
): Promise<{ port: number; process: SupervisedProcess }> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    try {
      return { port, process: await startOnPort(cluster, port, log) };
    } catch (error) {
      // The port may have been taken by somebody else since it was chosen.
      if (tries === PORT_TRIES || !String(error).includes('Address already in use')) throw error;
    }
  }
}

async function startOnPort(
  cluster: Cluster,
  port: number,
  log: (line: string) => void,
): Promise<SupervisedProcess> {
  const output: string[] = [];
  let announce: () => void = () => undefined;
  const announced = new Promise<true>((resolve) => (announce = () => resolve(true)));
  const server = superviseProcess({
    command: cluster.binaries.postgres,
    args: serverArguments(cluster.folder, port),
    account: cluster.account,
    onLine: (line) => {
      log(line);
      output.push(line);
      if (line.includes('database system is ready to accept connections')) announce();
      if (output.length > 8) output.shift();
    },
  });
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, START_TIMEOUT_MS, false);
  });
  const ready = await Promise.race([announced, tooLate, server.exited.then(() => false)]);
  clearTimeout(timer);
  if (ready) return server;
  await server.stop();
  throw new Error(output.join('\n') || `no answer within ${START_TIMEOUT_MS / 1000} s`);
}

function serverArguments(folder: string, port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'on',
    synchronous_commit: 'on',
    max_connections: '100',
    log_destination: 'stderr',
    logging_collector: 'off',
  };
  return ['-D', folder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolvePort(port));
    });
  });
}
