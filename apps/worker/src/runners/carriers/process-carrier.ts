import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { OUT_OF_MEMORY } from '@flux/domain';
import { within } from '../../flow/within.js';
import { GUARD_FD } from '../../wire/guard.js';
import type { Carrier, OpenCarrier } from './carrier.js';
import { GuardLine } from './guard-line.js';
import { ProcessGroup } from './process-group.js';

/** The compiled entry: Node cannot start a process from code that a test's loader compiles in memory. */
const ENTRY = fileURLToPath(new URL('../../../dist/inside-runner/runner-process.js', import.meta.url));
/** V8 writes that, and a list of native frames, before it ends a process whose heap is full. */
const HEAP_IS_FULL = 'JavaScript heap out of memory';
const LAST_WORDS = 8 * 1024;
const LAST_WORDS_LIMIT_MS = 200;

/** A child process that leads a process group of its own; the whole group is ended with it. */
export const openProcess: OpenCarrier = ({ data, clock, listener }) => {
  let child: ChildProcess;
  try {
    child = forkRunner(data.memoryBytes);
  } catch (error) {
    return neverBorn(() => listener.onDeath(error as Error));
  }
  if (child.pid === undefined) {
    child.once('error', (error) => listener.onDeath(error));
    return neverBorn();
  }
  const group = new ProcessGroup(child.pid);
  const words = new LastWords(child.stderr as Socket);
  const line = new GuardLine({
    stream: child.stdio[GUARD_FD] as Duplex,
    clock,
    onWord: (word, handle) =>
      word === 'entered' ? listener.onEntered(handle) : listener.onSlowCheck(handle),
  });
  // A message that cannot be sent is no loss: the child's death is being told.
  const send = (message: object): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  child.on('message', (message: unknown) => listener.onMessage(message));
  // It has begun: what goes wrong with it later, its death tells.
  child.on('error', () => undefined);
  const silent = new Promise<void>((resolve) => child.once('disconnect', () => resolve()));
  /** Ends all processes that the child has started, whatever the child died of, and itself if it lives. */
  let ended: Promise<void> | undefined;
  const endGroup = (): Promise<void> =>
    (ended ??= Promise.resolve(listener.onExit()).then(() => group.end(false)));
  // Workflow code may have closed the channel: without it nothing of the process can be heard or told any more.
  void silent.then(endGroup);
  const bury = async (code: number | null, signal: string | null): Promise<void> => {
    line.close();
    await Promise.all([silent, endGroup(), signal === 'SIGABRT' && words.end()]);
    listener.onDeath(deathOf(code, signal, words.text));
  };
  child.once('exit', (code, signal) => void bury(code, signal));
  send(data);
  return { post: send, ask: () => line.ask(), kill: (urgent) => void group.end(urgent) };
};

function forkRunner(memoryBytes: number | undefined): ChildProcess {
  // What is written to its standard error is passed on: a crash tells its reason there, and nowhere else.
  const stdio: Array<'ignore' | 'inherit' | 'ipc' | 'pipe'> = ['ignore', 'inherit', 'pipe', 'ipc'];
  stdio[GUARD_FD] = 'pipe';
  const execArgv = process.execArgv.filter((flag) => !flag.startsWith('--inspect'));
  if (memoryBytes !== undefined) execArgv.push(`--max-old-space-size=${Math.floor(memoryBytes / 1024 ** 2)}`);
  return fork(ENTRY, [], { detached: true, serialization: 'advanced', stdio, execArgv });
}

/** The carrier of a process that could not be started. */
function neverBorn(tell: () => void = () => undefined): Carrier {
  setImmediate(tell);
  const nothing = (): void => undefined;
  return { post: nothing, ask: nothing, kill: nothing };
}

function deathOf(code: number | null, signal: string | null, lastWords: string): Error {
  if (signal === null) return new Error(`its process ended with exit code ${code}`);
  const isFull = lastWords.includes(HEAP_IS_FULL);
  const meaning = isFull
    ? ': its heap was full'
    : signal === 'SIGKILL'
      ? ', as the system does it when memory is short'
      : '';
  const death = new Error(`its process ended with ${signal}${meaning}`);
  return Object.assign(death, { code: isFull ? OUT_OF_MEMORY : signal });
}

/** Passes on what a process writes, and remembers the last of it. */
class LastWords {
  text = '';
  readonly #stream: Socket;

  constructor(stream: Socket) {
    this.#stream = stream;
    stream.on('data', (piece: Buffer) => {
      process.stderr.write(piece);
      this.text = (this.text + piece.toString('latin1')).slice(-LAST_WORDS);
    });
    stream.on('error', () => undefined);
    // A program that the process has started, and that lives on, may go on writing.
    stream.unref();
  }

  /** Resolves once all that a dead process wrote has been read. */
  async end(): Promise<void> {
    if (!this.#stream.readableEnded) await within(LAST_WORDS_LIMIT_MS, once(this.#stream, 'close'));
  }
}
