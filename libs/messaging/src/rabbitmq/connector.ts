import type { Duplex } from 'node:stream';
import { tlsFault, type SettingFault } from '@flux/contracts';
import { LongTimer } from '@flux/domain';
import { connect, type ChannelModel } from 'amqplib';
import { describeError } from '../delivery-policy.js';
import { BusRefusedError } from '../port.js';
import { Backoff } from './backoff.js';
import type { RabbitMqSettings } from './options.js';

const CONNECT_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;

export interface ConnectorHooks {
  up(model: ChannelModel): Promise<void>;
  down(): void;
  /** Whether the broker takes nothing for now. */
  blocked(isBlocked: boolean): void;
  /** Something has come from the broker, a heartbeat at least. */
  heard(): void;
}

/** Holds one connection and makes it anew, for ever, when it is lost. */
export class Connector {
  readonly #settings: RabbitMqSettings;
  readonly #hooks: ConnectorHooks;
  readonly #backoff = new Backoff();
  #model: ChannelModel | undefined;
  #timer: LongTimer | undefined;
  #stopped = false;
  /** A single warning for an outage is enough. */
  #reported = false;

  constructor(settings: RabbitMqSettings, hooks: ConnectorHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
  }

  /**
   * Tries once, and goes on in the background if the broker cannot be reached.
   * @throws BusRefusedError when the broker refuses the credentials, or its certificate is not to be trusted
   */
  async start(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      const fault = tlsFault(error, 'FLUX_AMQP_URL') ?? (isRefusal(error) ? refusal(error) : undefined);
      if (fault) throw new BusRefusedError(fault.message, fault.hint, { cause: error });
      this.#retry(error);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.clear();
    if (this.#model) await closeModel(this.#model);
  }

  async #connect(): Promise<void> {
    const { url, connectionName } = this.#settings;
    const model = await connect(url, {
      noDelay: true,
      keepAlive: true,
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: connectionName },
    });
    gatherWrites(streamOf(model));
    // The broker may have closed it in the same breath, before anyone could listen.
    if (streamOf(model).writableEnded) throw new Error('the broker closed the connection at once');
    let lastError: unknown;
    model.on('error', (error) => {
      lastError = error;
    });
    if (this.#stopped) {
      await closeModel(model);
      return;
    }
    streamOf(model).on('data', () => this.#hooks.heard());
    model.on('blocked', (reason) => this.#onBlocked(model, reason));
    model.on('unblocked', () => this.#onBlocked(model, undefined));
    model.once('close', (error) => this.#onClose(model, error ?? lastError));
    this.#model = model;
    this.#reported = false;
    this.#settings.log.log(`${connectionName}: connected to RabbitMQ`);
    await this.#hooks.up(model);
    // A broker that accepts and drops us at once is not back yet.
    if (this.#model === model) this.#backoff.reset();
  }

  #onBlocked(model: ChannelModel, reason: string | undefined): void {
    if (this.#model !== model) return;
    const { connectionName, log } = this.#settings;
    if (reason === undefined) log.log(`${connectionName}: RabbitMQ takes messages again`);
    else log.warn(`${connectionName}: RabbitMQ takes no messages for now: ${reason}`);
    this.#hooks.blocked(reason !== undefined);
  }

  #onClose(model: ChannelModel, error: unknown): void {
    // amqplib only half-closes; behind a dead network the rest would hold the process for minutes.
    streamOf(model).destroy();
    this.#model = undefined;
    this.#hooks.down();
    if (!this.#stopped) this.#retry(error);
  }

  #retry(error: unknown): void {
    const delay = this.#backoff.next();
    const { connectionName, log } = this.#settings;
    if (!this.#reported) {
      log.warn(`${connectionName}: RabbitMQ is not reachable (${reasonOf(error)}), trying for ever`);
    }
    this.#reported = true;
    this.#timer = new LongTimer(delay, () => {
      this.#connect().catch((cause: unknown) => this.#retry(cause));
    });
  }
}

/** A refusal has no code: amqplib hands it on as text only. */
function isRefusal(error: unknown): boolean {
  return /ACCESS[-_]REFUSED/.test(describeError(error));
}

function refusal(error: unknown): SettingFault {
  return {
    message: `RabbitMQ refused the connection: ${describeError(error)}`,
    hint: 'Correct the user and the password in FLUX_AMQP_URL.',
  };
}

/** amqplib does not hand on why the virtual host was not opened; it may also be one that is still starting. */
function reasonOf(error: unknown): string {
  const text = describeError(error);
  return /Expected ConnectionOpenOk/.test(text) ? 'it does not open the virtual host of its URL' : text;
}

async function closeModel(model: ChannelModel): Promise<void> {
  const closed = new Promise<void>((resolve) => model.once('close', () => resolve()));
  const timer = setTimeout(() => streamOf(model).destroy(new Error('no answer to close')), CLOSE_TIMEOUT_MS);
  model.close().catch(() => undefined);
  await closed;
  clearTimeout(timer);
}

/**
 * Sends what is written in one turn of the event loop in one system call: amqplib writes each frame alone, and under
 * load that took a sixth of Flux's processor time.
 */
function gatherWrites(stream: Duplex): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let corked = false;
  stream.write = (...args: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(() => {
        corked = false;
        stream.uncork();
      });
    }
    return write(...args);
  };
}

/** The socket, which amqplib's types leave out. */
function streamOf(model: ChannelModel): Duplex {
  return (model.connection as typeof model.connection & { readonly stream: Duplex }).stream;
}
