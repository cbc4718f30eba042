/**
 * Entry of the thread that watches over a runner process: it kills the whole process group once the supervisor is gone,
 * or has not renewed in time until when it is sure to own what runs here.
 */
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import { OWNERSHIP_STOP_MS } from '@flux/domain';

const CHECK_EVERY_MS = 50;
/** The supervisor has the first word, with a signal; this is for one that is frozen. */
const PATIENCE_NS = BigInt(OWNERSHIP_STOP_MS + CHECK_EVERY_MS) * 1_000_000n;

const { fd } = workerData as { readonly fd: number };
let until: bigint | undefined;
let unread = '';

function killGroup(): void {
  process.kill(-process.pid, 'SIGKILL');
}

// The supervisor's end closes with it, however it ends.
const line = new Socket({ fd, readable: true, writable: false });
line.setEncoding('utf8');
line.on('data', (text: string) => {
  const lines = (unread + text).split('\n');
  unread = lines.pop() ?? '';
  const latest = lines.at(-1);
  if (latest !== undefined) until = BigInt(latest);
});
line.once('error', killGroup);
line.once('close', killGroup);
setInterval(() => {
  if (until !== undefined && process.hrtime.bigint() > until + PATIENCE_NS) killGroup();
}, CHECK_EVERY_MS);
