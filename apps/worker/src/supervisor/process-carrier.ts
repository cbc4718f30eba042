import { fork, type ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { OwnershipClock } from '../runner/ownership-clock.js';
import { GUARD_FD, type RunnerData, type ToRunner } from '../runner/protocol.js';
import type { Carrier, CarrierListener, OpenCarrier } from './carrier.js';
import { ProcessGroup } from './process-group.js';

/** The compiled entry, as for threads. */
const ENTRY = fileURLToPath(new URL('../../dist/runner/runner-process.js', import.meta.url));
const RENEW_EVERY_MS = 100;

/** A child process that leads a process group of its own; the whole group is ended with it. */
export const openProcess: OpenCarrier = (data, listener) => new ProcessCarrier(data, listener);

class ProcessCarrier implements Carrier {
  readonly #child: ChildProcess;
  readonly #group: ProcessGroup | undefined;
  readonly #renewal: NodeJS.Timeout;
  #failure: Error | undefined;

  constructor({ directory, maxPayloadBytes, clock }: RunnerData, listener: CarrierListener) {
    const stdio: Array<'ignore' | 'inherit' | 'ipc' | 'pipe'> = ['ignore', 'inherit', 'inherit', 'ipc'];
    stdio[GUARD_FD] = 'pipe';
    this.#child = fork(ENTRY, [], {
      detached: true,
      serialization: 'advanced',
      stdio,
      execArgv: process.execArgv.filter((flag) => !flag.startsWith('--inspect')),
    });
    const { pid } = this.#child;
    this.#group = pid === undefined ? undefined : new ProcessGroup(pid);
    this.#renewal = this.#renew(clock);
    this.#child.on('message', (message: unknown) => listener.onMessage(message));
    // Workflow code may have closed the channel: without it nothing of the process can be heard or told any more.
    this.#child.once('disconnect', () => void this.#group?.end(false));
    this.#child.on('error', (error) => (this.#failure ??= error));
    this.#child.once('exit', (code, signal) => {
      if (code !== 0 || signal) this.#failure ??= new Error(`its process ended with ${signal ?? code}`);
    });
    // After the exit and all messages; a child that never came to be has no exit.
    this.#child.once('close', () => void this.#bury(listener));
    const data: RunnerData = { directory, maxPayloadBytes };
    this.#send(data);
  }

  post(messages: readonly ToRunner[]): void {
    this.#send(messages);
  }

  kill(urgent: boolean): void {
    void this.#group?.end(urgent);
  }

  /** What it has started dies with it, whatever it died of. */
  async #bury(listener: CarrierListener): Promise<void> {
    clearInterval(this.#renewal);
    await this.#group?.end(false);
    listener.onDeath(this.#failure);
  }

  /** What cannot be sent any more is no loss: its death is being told. */
  #send(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Passes on until when this worker owns what it runs, for the guard in the child. */
  #renew(buffer: SharedArrayBuffer | undefined): NodeJS.Timeout {
    const clock = buffer && new OwnershipClock(buffer);
    const line = this.#child.stdio[GUARD_FD] as Writable | null | undefined;
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
}
