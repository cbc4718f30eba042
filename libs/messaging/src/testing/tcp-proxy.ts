import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A TCP relay whose connections a test can cut, and which it can stop and start. */
export class TcpProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #upstream = new Set<Socket>();
  readonly #downstream = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  /** @param target an url with a host and a port */
  constructor(target: URL) {
    this.#target = { host: target.hostname, port: Number(target.port) };
  }

  /** Listens, on the same port as before if it was stopped. */
  async start(): Promise<number> {
    const server = createServer((client) => this.#relay(client));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    return this.#port;
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
    const upstream = connect({ ...this.#target, noDelay: true });
    client.setNoDelay(true);
    this.#downstream.add(client);
    this.#upstream.add(upstream);
    client.on('close', () => {
      this.#downstream.delete(client);
      upstream.end();
      // What is left unread would keep it from closing.
      upstream.unpipe(client).resume();
    });
    upstream.on('close', () => {
      this.#upstream.delete(upstream);
      client.destroy();
    });
    // A cut shows as an error on either side, and its close is handled above.
    client.on('error', () => undefined);
    upstream.on('error', () => undefined);
    client.pipe(upstream, { end: false });
    upstream.pipe(client);
  }
}
