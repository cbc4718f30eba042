/** No container engine is needed: what compose and the image name is held against the code that has to have it. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { apiSettings } from '@flux/api';
import { readSettings } from '@flux/contracts';
import { parseDuration } from '@flux/domain';
import { ROOT } from '@flux/testing';
import { readWorkerSettings, workerSettings } from '@flux/worker';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly (string | { readonly type: string; readonly source: string; target: string })[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
  readonly restart?: string;
}
interface Compose {
  readonly services: Readonly<Record<'postgres' | 'rabbitmq' | 'api' | 'worker', Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}
interface Stage {
  readonly name: string;
  readonly from: string;
  readonly steps: readonly (readonly [instruction: string, rest: string])[];
}

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The file as compose reads it where `.env` sets `variables`: parsed, then filled in. */
function compose(variables: Readonly<Record<string, string>> = {}): Compose {
  const fillIn = (value: string): string => {
    const filled = value.replace(
      /\$\{(\w+)(?::-([^${}]*))?\}/g,
      (_, name: string, fallback = '') => variables[name] || String(fallback),
    );
    return filled === value ? value : fillIn(filled);
  };
  return parse(
    text('docker-compose.yml'),
    (_, value: unknown) => (typeof value === 'string' ? fillIn(value) : value),
    { merge: true },
  ) as Compose;
}

/** Every variable of .env.example with the value that stands there. */
const example = Object.fromEntries(
  [...text('.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ]),
);
const CONNECTIONS = {
  FLUX_DATABASE_URL: 'postgres://flux:flux@127.0.0.1:5432/flux',
  FLUX_AMQP_URL: 'amqp://flux:flux@127.0.0.1:5672',
};
const CLI_VARIABLES = ['FLUX_SERVER_URL'];
/** Named, so that nobody takes it for something else, and read by nothing yet. */
const RESERVED = ['FLUX_API_KEY'];
const API_VARIABLES = Object.keys(apiSettings.shape);
const WORKER_VARIABLES = ['FLUX_AMQP_URL', ...Object.keys(workerSettings.shape)];
const { services, volumes } = compose();
const { api, worker, postgres, rabbitmq } = services;

const stages: readonly Stage[] = text('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split(/^(?=FROM )/m)
  .filter((part) => part.startsWith('FROM '))
  .map((part) => {
    const [head = '', ...lines] = part.split('\n').filter((line) => line !== '');
    const [, from = '', name = ''] = /^FROM (\S+) AS (\S+)$/.exec(head) ?? [];
    return {
      name,
      from,
      steps: lines.map((line) => /^(\S+)\s+(.*)$/.exec(line)?.slice(1) as [string, string]),
    };
  });
/** The steps of a stage after those of the stages that it is made from. */
function stepsOf(name: string): Stage['steps'] {
  const stage = stages.find((candidate) => candidate.name === name);
  return stage ? [...stepsOf(stage.from), ...stage.steps] : [];
}
const last = (name: string, instruction: string): string | undefined =>
  stepsOf(name).findLast(([candidate]) => candidate === instruction)?.[1];

describe('docker-compose.yml', () => {
  it('starts the database and the broker, then the api, then the workers', () => {
    expect(postgres.depends_on).toBeUndefined();
    expect(rabbitmq.depends_on).toBeUndefined();
    expect(Object.keys(api.depends_on ?? {}).sort()).toEqual(['postgres', 'rabbitmq']);
    expect(Object.keys(worker.depends_on ?? {}).sort()).toEqual(['api', 'rabbitmq']);
  });

  it('waits only for services whose health is checked', () => {
    for (const service of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
        const needed = services[name as keyof Compose['services']];
        expect(condition).toBe('service_healthy');
        expect(needed.healthcheck ?? last(needed.build?.target ?? '', 'HEALTHCHECK')).toBeDefined();
      }
    }
  });

  it('starts every service again that dies', () => {
    for (const service of Object.values(services)) expect(service.restart).toBe('unless-stopped');
  });

  it('runs commands that the CLI has', () => {
    for (const { command, build } of [api, worker]) {
      expect(existsSync(join(ROOT, 'apps/cli/src/commands', `${command?.join('/')}.ts`))).toBe(true);
      expect(JSON.parse(last(build?.target ?? '', 'CMD') ?? '')).toEqual(command);
    }
  });

  it('lets any number of workers run side by side', () => {
    for (const key of ['container_name', 'ports', 'hostname']) expect(worker).not.toHaveProperty(key);
    expect(worker.environment.FLUX_WORKER_NAME).toBe('');
  });

  it('gives the workers no database credentials', () => {
    expect(Object.keys(worker.environment)).not.toContain('FLUX_DATABASE_URL');
    expect(JSON.stringify(worker)).not.toMatch(/postgres/i);
  });

  it('publishes the api alone, on loopback alone, at the port that it listens on', () => {
    expect(api.ports).toEqual(['127.0.0.1:8000:8000']);
    expect(compose({ FLUX_PORT: '9000' }).services.api.ports).toEqual(['127.0.0.1:9000:8000']);
    for (const service of [postgres, rabbitmq, worker]) expect(service).not.toHaveProperty('ports');
    expect(api.environment).toMatchObject({ FLUX_HOST: '0.0.0.0', FLUX_PORT: '8000' });
  });

  it('keeps what has to last in named volumes, where the images have it', () => {
    expect(Number(postgres.image.split(':')[1])).toBeGreaterThanOrEqual(18);
    expect(postgres.volumes).toEqual(['postgres-data:/var/lib/postgresql']);
    expect(rabbitmq.volumes).toEqual(['rabbitmq-data:/var/lib/rabbitmq']);
    expect(rabbitmq).toHaveProperty('hostname');
    expect(Object.keys(volumes).sort()).toEqual(['postgres-data', 'rabbitmq-data']);
  });

  it('mounts the examples read-only where the worker looks for workflows, below its modules', () => {
    const [mount] = worker.volumes ?? [];
    expect(mount).toMatchObject({ type: 'bind', source: './examples', read_only: true });
    expect(mount).toHaveProperty('target', worker.environment.FLUX_WORKFLOWS);
    expect(worker.environment.FLUX_WORKFLOWS).toMatch(new RegExp(`^${last('worker', 'WORKDIR')}/`));
    expect(readdirSync(join(ROOT, 'examples'))).toContain('cancellation.ts');
  });

  it('waits for a worker to drain and clean up before it kills it', () => {
    const { FLUX_WORKER_DRAIN: drain } = readWorkerSettings(worker.environment);
    const { FLUX_GRACE_PERIOD: gracePeriod } = readSettings(apiSettings, api.environment);
    expect(parseDuration(worker.stop_grace_period ?? '')).toBeGreaterThan(drain + gracePeriod);
  });
});

describe('the settings in docker-compose.yml and .env.example', () => {
  it('satisfy the api and the worker', () => {
    const defaults = readSettings(apiSettings, { ...CONNECTIONS });
    expect(readSettings(apiSettings, api.environment)).toEqual({
      ...defaults,
      FLUX_DATABASE_URL: 'postgres://flux:flux@postgres:5432/flux',
      FLUX_AMQP_URL: 'amqp://flux:flux@rabbitmq:5672',
      FLUX_HOST: '0.0.0.0',
      FLUX_ALLOW_ANONYMOUS: true,
    });
    expect(readWorkerSettings(worker.environment)).toEqual({
      ...readWorkerSettings({ ...CONNECTIONS, FLUX_WORKFLOWS: '/flux/workflows' }),
      FLUX_AMQP_URL: 'amqp://flux:flux@rabbitmq:5672',
    });
  });

  it('reach the servers that compose starts, with their credentials', () => {
    const { services: own } = compose({ POSTGRES_PASSWORD: 'one', RABBITMQ_PASSWORD: 'two' });
    expect(own.postgres.environment).toMatchObject({
      POSTGRES_USER: 'flux',
      POSTGRES_PASSWORD: 'one',
      POSTGRES_DB: 'flux',
    });
    expect(own.api.environment.FLUX_DATABASE_URL).toBe('postgres://flux:one@postgres:5432/flux');
    expect(own.rabbitmq.environment).toMatchObject({
      RABBITMQ_DEFAULT_USER: 'flux',
      RABBITMQ_DEFAULT_PASS: 'two',
    });
    expect(own.worker.environment.FLUX_AMQP_URL).toBe('amqp://flux:two@rabbitmq:5672');
  });

  it('are all known to the code, and hand on every setting that the code knows', () => {
    expect(Object.keys(api.environment).sort()).toEqual(API_VARIABLES.toSorted());
    expect(Object.keys(worker.environment).sort()).toEqual(WORKER_VARIABLES.toSorted());
  });

  it('stand in .env.example, all of them and no other', () => {
    const known = [...API_VARIABLES, ...WORKER_VARIABLES, ...CLI_VARIABLES, ...RESERVED];
    const named = Object.keys(example).filter((name) => name.startsWith('FLUX_'));
    expect(named.sort()).toEqual([...new Set(known)].sort());
    for (const name of CLI_VARIABLES) expect(sourceOf('apps/cli/src')).toContain(`'${name}'`);
    for (const folder of ['apps', 'libs']) {
      for (const name of readdirSync(join(ROOT, folder))) {
        for (const reserved of RESERVED) expect(sourceOf(join(folder, name, 'src'))).not.toContain(reserved);
      }
    }
  });

  it('have in .env.example the defaults of the code', () => {
    expect(readSettings(apiSettings, example)).toEqual(readSettings(apiSettings, CONNECTIONS));
    expect(readWorkerSettings(example)).toEqual(
      readWorkerSettings({ ...CONNECTIONS, FLUX_WORKFLOWS: './examples' }),
    );
  });

  it('all have a line in .env.example that says what they are for', () => {
    const lines = text('.env.example').split('\n');
    for (const [index, line] of lines.entries()) {
      if (/^#?FLUX_/.test(line)) expect(lines[index - 1]).toMatch(/^# .*\w\.?$/);
    }
  });

  it('are what compose interpolates, beside the two passwords', () => {
    const used = [...text('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
    for (const name of used) expect(Object.keys(example)).toContain(name);
  });
});

describe('Dockerfile', () => {
  it('has the stages that compose builds, each made from a stage or from the Node that the project uses', () => {
    const names = stages.map(({ name }) => name);
    for (const { build } of [api, worker]) expect(names).toContain(build?.target);
    for (const { from } of stages) {
      if (!names.includes(from)) expect(from).toBe(`node:${text('.nvmrc').trim()}-bookworm-slim`);
    }
  });

  it('copies what exists, and what .dockerignore does not keep out', () => {
    const ignored = text('.dockerignore').split('\n');
    const copied = stages
      .flatMap(({ steps }) => steps)
      .filter(([instruction, rest]) => instruction === 'COPY' && !rest.startsWith('--from='))
      .flatMap(([, rest]) => rest.split(' ').slice(0, -1));
    for (const source of copied) {
      expect(existsSync(join(ROOT, source))).toBe(true);
      expect(ignored).not.toContain(source);
    }
    for (const path of ['libs', 'apps', 'examples']) expect(ignored).not.toContain(path);
    for (const secret of ['.env', '.git', '**/node_modules', '**/dist']) expect(ignored).toContain(secret);
  });

  it.each(['api', 'worker'])('runs the %s as an ordinary user, behind an init', (target) => {
    expect(last(target, 'USER')).toBe('node');
    const { bin } = JSON.parse(text('apps/cli/package.json')) as { bin: { flux: string } };
    expect(JSON.parse(last(target, 'ENTRYPOINT') ?? '')).toEqual([
      'tini',
      '--',
      'node',
      join(last(target, 'WORKDIR') ?? '', bin.flux),
    ]);
  });

  it("checks the api's health where the api answers", () => {
    const [, port, path] =
      /http:\/\/127\.0\.0\.1:(\d+)\/([\w/]+)/.exec(last('api', 'HEALTHCHECK') ?? '') ?? [];
    expect(port).toBe(last('api', 'EXPOSE'));
    expect(port).toBe(api.environment.FLUX_PORT);
    expect(path).toBe('health/ready');
    expect(JSON.parse(text('docs/openapi.json'))).toHaveProperty(['paths', `/${path}`, 'get']);
    expect(last('worker', 'HEALTHCHECK')).toBeUndefined();
  });
});

/** All code below a folder, as one text. */
function sourceOf(folder: string): string {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .map((path) => text(join(folder, path)))
    .join('\n');
}
