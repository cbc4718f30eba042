import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** The bytes that one connection sends before another has its turn. */
const PIECE_BYTES = 16 * 1024;

/** The bytes a second of one direction of a link, which its connections share fairly. */
class Rate {
  #freeAt = 0;

  constructor(readonly bytesPerSecond: number) {}

  /** Resolves once the link has carried so many bytes. */
  async carry(bytes: number): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (1000 * bytes) / this.bytesPerSecond;
    if (this.#freeAt - now >= 1) await wait(this.#freeAt - now);
  }

  /** Relays what comes from one socket to the other at this rate. */
  pipe(from: Socket, to: Socket): void {
    from.on('data', (data: Buffer) => {
      from.pause();
      void this.#relay(data, to).then(() => from.resume());
    });
    from.on('end', () => to.end());
  }

  async #relay(data: Buffer, to: Socket): Promise<void> {
    for (let start = 0; start < data.length; start += PIECE_BYTES) {
      const piece = data.subarray(start, start + PIECE_BYTES);
      await this.carry(piece.length);
      if (!to.destroyed) to.write(piece);
    }
  }
}

/** A TCP relay whose connections a test can cut, which it can stop and start, and which may be slow. */
export class TcpProxy {
  readonly #target: URL;
  readonly #upstream = new Set<Socket>();
  readonly #downstream = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  readonly #rates: readonly [Rate, Rate] | undefined;

  /**
   * @param target an url with a host and a port
   * @param bytesPerSecond in each direction, for all connections together; unlimited unless given
   */
  constructor(target: string, bytesPerSecond?: number) {
    this.#target = new URL(target);
    if (bytesPerSecond !== undefined) this.#rates = [new Rate(bytesPerSecond), new Rate(bytesPerSecond)];
  }

  /** Listens, on the same port as before if it was stopped. Resolves with the target's url through the proxy. */
  async start(): Promise<string> {
    const server = createServer((client) => this.#relay(client));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    return Object.assign(new URL(this.#target), { hostname: '127.0.0.1', port: this.#port }).href;
  }

  /** Cuts every connection; resolves when the target has closed its ends too. */
  async cut(): Promise<void> {
    for (const socket of this.#downstream) socket.destroy();
    const closed = [...this.#upstream].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    for (const socket of this.#upstream) socket.end();
    await Promise.all(closed);
  }

  /** Refuses connections and cuts those that are open. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    await this.cut();
    await closed;
  }

  #relay(client: Socket): void {
    const { hostname: host, port } = this.#target;
    const upstream = connect({ host, port: Number(port), noDelay: true });
    client.setNoDelay(true);
    this.#downstream.add(client);
    this.#upstream.add(upstream);
    client.on('close', () => {
      this.#downstream.delete(client);
      upstream.end();
      // Unread data would keep the socket from closing.
      upstream.unpipe(client).resume();
    });
    upstream.on('close', () => {
      this.#upstream.delete(upstream);
      client.destroy();
    });
    // A cut shows as an error on either side, and its close is handled above.
    client.on('error', () => undefined);
    upstream.on('error', () => undefined);
    if (this.#rates) {
      this.#rates[0].pipe(client, upstream);
      this.#rates[1].pipe(upstream, client);
      return;
    }
    client.pipe(upstream, { end: false });
    upstream.pipe(client);
  }
}
