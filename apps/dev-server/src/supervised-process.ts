import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ServerAccount } from './server-account.js';

export interface SupervisedProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly account: ServerAccount | undefined;
  /** Every line of standard output and standard error. */
  onLine(line: string): void;
}

/** A process that cannot outlive this one, not even when this one is killed with SIGKILL. */
export interface SupervisedProcess {
  /** The exit code (128 + n for a signal n); resolves when the process is gone. Never rejects. */
  readonly exited: Promise<number>;
  /** Sends SIGINT (PostgreSQL: fast shutdown) and waits for the end; SIGQUIT after 10 s, SIGKILL after 20 s. */
  stop(): Promise<void>;
}

// The shell is the process's parent and reads a pipe that only we hold open: end of file says stop, or that
// we are dead. As it has not waited for the process yet, the process id cannot have been reused.
// Its own output is closed as shells report a killed child there, and would die of the pipe that died with us.
const SUPERVISOR = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
( read -r _ <&3
  for signal in INT QUIT KILL; do
    kill -"$signal" "$server" || exit
    for second in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$server" || exit; done
  done ) >/dev/null 2>&1 &
exec 3<&- >/dev/null 2>&1
wait "$server"
status=$?
trap '' TERM
kill -TERM 0
exit "$status"
`;

/** Starts a process under a supervisor in its own session, so that Ctrl+C in a terminal does not reach it first. */
export function superviseProcess(options: SupervisedProcessOptions): SupervisedProcess {
  const child = spawn('/bin/sh', ['-c', SUPERVISOR, 'flux-supervisor', options.command, ...options.args], {
    cwd: '/',
    detached: true,
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...options.account,
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => options.onLine(line));
  }
  // The end of the process breaks the pipe: 'exited' tells of that.
  child.stdin.on('error', () => undefined);
  const exited = new Promise<number>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? (signal ? 128 : 1)));
    child.once('error', (error) => {
      options.onLine(error.message);
      resolve(127);
    });
  });
  return {
    exited,
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}
