import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSandbox, run, type Sandbox } from '@flux/testing';

/** Servers that speak TLS, with a certificate for another host that no CA has signed. */

let sandbox: Sandbox;
let folder: string;
let certificate: string;
const servers: Server[] = [];
const sockets = new Set<Socket>();
const urls = { FLUX_DATABASE_URL: '', FLUX_AMQP_URL: '' };

/** Speaks TLS from the first byte, or as PostgreSQL once it is asked to. */
async function listen(asPostgres: boolean): Promise<string> {
  const identity = { key: await readFile(join(folder, 'key.pem')), cert: await readFile(certificate) };
  const server = createServer((socket) => {
    sockets.add(socket);
    const secure = (): void => {
      new TLSSocket(socket, { isServer: true, ...identity }).on('error', () => socket.destroy());
    };
    socket.on('error', () => socket.destroy());
    if (!asPostgres) secure();
    else socket.once('data', () => socket.write('S', secure));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `localhost:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  sandbox = await createSandbox();
  folder = await mkdtemp(join(tmpdir(), 'flux-test-tls-'));
  certificate = join(folder, 'cert.pem');
  const name = ['-subj', '/CN=elsewhere.test', '-addext', 'subjectAltName=DNS:elsewhere.test'];
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', join(folder, 'key.pem')];
  await run('openssl', ['req', '-x509', ...key, '-out', certificate, '-days', '2', ...name]);
  urls.FLUX_DATABASE_URL = `postgres://flux@${await listen(true)}/flux?sslmode=verify-full`;
  urls.FLUX_AMQP_URL = `amqps://${await listen(false)}`;
}, 60_000);

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  await rm(folder, { recursive: true, force: true });
  await sandbox.close();
}, 60_000);

describe.each(['FLUX_DATABASE_URL', 'FLUX_AMQP_URL'] as const)(
  'a certificate of what %s names',
  (setting) => {
    it.each([
      ['that nobody vouches for', false, /not trusted/, /NODE_EXTRA_CA_CERTS/],
      ['that is for another host', true, /another host/, /name a host that the certificate names/],
    ])(
      '%s stops the start, which says what to set',
      async (_what, isTrusted, what, hint) => {
        const env = { [setting]: urls[setting], NODE_EXTRA_CA_CERTS: isTrusted ? certificate : undefined };
        const server = sandbox.spawnFlux(['start', 'server', '--port', '0'], env);
        expect((await server.exited).code).toBe(1);
        expect(server.stderr).toMatch(what);
        expect(server.stderr).toMatch(hint);
        expect(server.stderr).toContain(setting);
      },
      60_000,
    );
  },
);
