import { spawn } from 'node:child_process';
import { chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestServerError, type Account } from './machine.js';

export interface SupervisedProcessOptions {
  /** A POSIX shell script; `$1`, `$2` … are `args`. Its background jobs end with it. */
  readonly script: string;
  readonly args: readonly string[];
  readonly account?: Account;
  readonly env?: Readonly<Record<string, string>>;
  /** Sent to the script's own process at the end; servers with throw-away data need no more than SIGKILL. */
  readonly stopSignal: 'INT' | 'TERM' | 'KILL';
  /** Run when the script has ended; `$1`, `$2` … as above. */
  readonly cleanup: string;
}

export interface SupervisedProcess {
  /** Resolves to the exit code after the cleanup. Never rejects. */
  readonly exited: Promise<number>;
  /** The last lines written, for error messages. */
  output(): string;
  stop(): Promise<void>;
}

const KEPT_LINES = 15;

// The supervisor reads a pipe that only this process holds open: end of file says stop, or that this process
// is dead, SIGKILLed ones included. It ends with everything in its process group.
// Its own output is closed as shells report a killed child there, and would die of the pipe that died with us.
const SUPERVISOR = `
exec 3<&0
script=$1 signal=$2 cleanup=$3
shift 3
sh -c "$script" flux-test-server "$@" </dev/null 3<&- &
server=$!
( read -r _ <&3
  for each in "$signal" KILL; do
    kill -"$each" "$server" || exit
    for second in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$server" || exit; done
  done ) >/dev/null 2>&1 &
exec 3<&- >/dev/null 2>&1
wait "$server"
status=$?
trap '' TERM
kill -TERM 0
sh -c "$cleanup" flux-test-cleanup "$@" </dev/null >/dev/null 2>&1
exit "$status"
`;

/** Starts a server that ends, and is cleaned up after, when this process ends in whatever way. */
export function superviseProcess(options: SupervisedProcessOptions): SupervisedProcess {
  const { script, stopSignal, cleanup } = options;
  const child = spawn(
    '/bin/sh',
    ['-c', SUPERVISOR, 'flux-test-supervisor', script, stopSignal, cleanup].concat(options.args),
    {
      cwd: '/',
      detached: true,
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...options.account,
    },
  );
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', keep);
  }
  // The end of the process breaks the pipe: 'exited' tells of that.
  child.stdin.on('error', () => undefined);
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? 128));
    child.once('error', (error) => {
      keep(error.message);
      resolve(127);
    });
  });
  return {
    exited,
    output: () => lines.join('\n'),
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Makes an empty folder that belongs to `account`; its supervised process removes it. */
export async function makeServerFolder(name: string, account: Account): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `flux-test-${name}-`));
  if (account) await chown(folder, account.uid, account.gid);
  return folder;
}

/** Starts `docker run ...args` likewise; the container goes with it. */
export function superviseContainer(name: string, ...args: string[]): SupervisedProcess {
  // The variables that the docker client needs to find its engine.
  const entries = Object.entries(process.env).filter(([key]) => key === 'HOME' || key.startsWith('DOCKER_'));
  return superviseProcess({
    script: 'exec docker run --rm --name "$@"',
    args: [`flux-test-${name}`, ...args],
    env: Object.fromEntries(entries.map(([key, value = '']) => [key, value])),
    stopSignal: 'TERM',
    cleanup: 'docker rm -f "$1"',
  });
}

interface Startup {
  readonly server: SupervisedProcess;
  readonly name: string;
  /** The variable of the environment that names another one. */
  readonly variable: string;
  readonly limitMs: number;
}

/**
 * Resolves once `ping` does.
 * @throws TestServerError when the server ends or `limitMs` pass before that; it is stopped then
 */
export async function untilAnswering(
  { server, name, variable, limitMs }: Startup,
  ping: () => Promise<void>,
): Promise<void> {
  let ended = false;
  void server.exited.then(() => (ended = true));
  for (const limit = Date.now() + limitMs; ; await sleep(50)) {
    try {
      return await ping();
    } catch (cause) {
      if (!ended && Date.now() < limit) continue;
      await server.stop();
      const message = `The tests' ${name} did not start:\n${server.output()}`;
      const hint = `Set ${variable} to use another one.`;
      throw new TestServerError('TEST_SERVER_START_FAILED', message, hint, { cause });
    }
  }
}
