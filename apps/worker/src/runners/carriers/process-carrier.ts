import { fork, type ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { OwnershipClock } from '../../wire/ownership-clock.js';
import { GUARD_FD } from '../../wire/protocol.js';
import { megabytes, type OpenCarrier } from './carrier.js';
import { ProcessGroup } from './process-group.js';

/** The compiled entry, as for threads. */
const ENTRY = fileURLToPath(new URL('../../../dist/inside-runner/runner-process.js', import.meta.url));
const RENEW_EVERY_MS = 100;
/** The signals that tell of memory that was full. */
const MEANING: Readonly<Record<string, string>> = {
  SIGABRT: ', as it does when its heap is full',
  SIGKILL: ', as the system does it when memory is short',
};

/** A child process that leads a process group of its own; the whole group is ended with it. */
export const openProcess: OpenCarrier = ({ clock, entered: _shared, ...data }, listener) => {
  const stdio: Array<'ignore' | 'inherit' | 'ipc' | 'pipe'> = ['ignore', 'inherit', 'inherit', 'ipc'];
  stdio[GUARD_FD] = 'pipe';
  const execArgv = process.execArgv.filter((flag) => !flag.startsWith('--inspect'));
  if (data.memoryBytes !== undefined) execArgv.push(`--max-old-space-size=${megabytes(data.memoryBytes)}`);
  const child = fork(ENTRY, [], { detached: true, serialization: 'advanced', stdio, execArgv });
  const group = child.pid === undefined ? undefined : new ProcessGroup(child.pid);
  const renewal = renew(child, clock);
  // A message that cannot be sent is no loss: the child's death is being told.
  const send = (message: object): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  let failure: Error | undefined;
  child.on('message', (message: unknown) => listener.onMessage(message));
  // Workflow code may have closed the channel: without it nothing of the process can be heard or told any more.
  child.once('disconnect', () => void group?.end(false));
  child.on('error', (error) => (failure ??= error));
  child.once('exit', (code, signal) => {
    if (code !== 0 || signal)
      failure ??= new Error(`its process ended with ${signal ?? code}${MEANING[signal ?? ''] ?? ''}`);
  });
  /** Ends all processes that the child has started, whatever the child died of. */
  const bury = async (): Promise<void> => {
    clearInterval(renewal);
    await group?.end(false);
    listener.onDeath(failure);
  };
  // The event 'close' comes after the exit and all messages; a child that never came to be has no exit.
  child.once('close', () => void bury());
  send(data);
  return { post: send, kill: (urgent) => void group?.end(urgent) };
};

/** Tells the guard in the child until when this worker owns its executions. */
function renew(child: ChildProcess, buffer: SharedArrayBuffer | undefined): NodeJS.Timeout {
  const clock = buffer && new OwnershipClock(buffer);
  const line = child.stdio[GUARD_FD] as Writable | null | undefined;
  // A broken line is the child's end.
  line?.on('error', () => undefined);
  let told: bigint | undefined;
  const tell = (): void => {
    if (!clock || clock.until === told) return;
    told = clock.until;
    line?.write(`${told}\n`);
  };
  tell();
  return setInterval(tell, RENEW_EVERY_MS);
}
