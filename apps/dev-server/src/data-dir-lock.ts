import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** A flag of BSD's and macOS's open(2): flock the file while opening it. Node does not name it, but passes it on. */
const O_EXLOCK = 0x20;

/**
 * Takes the data folder for this process, and resolves to what gives it back; the kernel does so when the process ends.
 * @throws EmbeddedPostgresError `DATA_DIR_IN_USE` at once when another live process has it.
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  return process.platform === 'linux' ? lockByAbstractSocket(dataDir) : lockByFile(dataDir);
}

// Node has no flock. An abstract socket is as good: taken atomically, gone with its process, no file to go stale.
async function lockByAbstractSocket(dataDir: string): Promise<() => Promise<void>> {
  const { dev, ino } = await stat(dataDir, { bigint: true });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? inUse(dataDir, error) : error),
    );
    server.listen(`\0flux-data-dir:${dev}:${ino}`, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

async function lockByFile(dataDir: string): Promise<() => Promise<void>> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK;
  const handle = await open(join(dataDir, 'lock'), flags, 0o600).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === 'EAGAIN' ? inUse(dataDir, error) : error;
  });
  return () => handle.close();
}

function inUse(dataDir: string, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'DATA_DIR_IN_USE',
    `The data folder ${dataDir} is in use by another running Flux`,
    { hint: 'Stop the other one first, or give this one its own folder with --data.', cause },
  );
}
