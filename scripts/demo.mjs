/**
 * Flux in one minute: starts the embedded mode, runs a workflow, cancels it after five seconds and shows what
 * became of it, with the same commands that you would type. Exits 0 only when the execution is CANCELLED and
 * its clean-up succeeded.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const root = join(import.meta.dirname, '..');
const binary = join(root, 'apps', 'cli', 'bin', 'flux.js');
const WORKFLOW = 'cancellable_workflow';

function say(line) {
  console.log(`\n▶ ${line}`);
}

/** Runs one flux command to its end; its screen output is ours; with `--json` its value is shown and returned. */
async function flux(args, env) {
  const json = args.includes('--json');
  console.log(`\n$ flux ${args.map((arg) => (/[^\w./:=-]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`);
  const child = spawn(process.execPath, [binary, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', json ? 'pipe' : 'inherit', 'inherit'],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`flux ${args.slice(0, 2).join(' ')} exited with ${code}`);
  if (!json) return undefined;
  const value = JSON.parse(output);
  console.log(JSON.stringify({ executionId: value.executionId, state: value.state }));
  return value;
}

/** Starts the embedded server on a free port and resolves with its address. */
async function startServer(dataDir) {
  const args = ['start', 'dev', '--port', '0', '--workflows', join(root, 'examples'), '--data', dataDir];
  const server = spawn(process.execPath, [binary, ...args], {
    env: { ...process.env, FLUX_LOG_LEVEL: process.env.FLUX_LOG_LEVEL ?? 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(server, 'exit');
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).on('line', (line) => {
      const match = /http:\/\/\S+/.exec(line);
      if (match) resolve(match[0]);
    });
    exited.then(([code]) => reject(new Error(`the server ended with ${code} before it was ready`)));
  });
  return {
    url,
    async stop() {
      if (server.exitCode === null && server.signalCode === null) server.kill('SIGTERM');
      await exited;
    },
  };
}

async function demo(dataDir) {
  say('Starting Flux, embedded: PostgreSQL, API and worker in one process tree, nothing to install');
  const began = performance.now();
  const server = await startServer(dataDir);
  const stopOnSignal = () => void server.stop().then(() => process.exit(130));
  process.once('SIGINT', stopOnSignal).once('SIGTERM', stopOnSignal);
  const env = { FLUX_SERVER_URL: server.url };
  try {
    console.log(`  ready at ${server.url} after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    say('A workflow of sixty iterations, one second each; nobody will wait for all of them');
    const { executionId } = await flux(['workflow', 'run', WORKFLOW, '{"iterations": 60}', '--json'], env);
    const watching = flux(['workflow', 'watch', WORKFLOW, executionId], env);
    await wait(5000);
    say('Five seconds are over: cancel it, and wait until it has really stopped');
    await flux(
      ['workflow', 'cancel', WORKFLOW, executionId, '--sync', '--reason', 'five seconds are enough'],
      env,
    );
    await watching;
    say('What history says');
    await flux(['workflow', 'status', WORKFLOW, executionId, '--detailed'], env);
    const { state, cancellation } = await flux(['workflow', 'status', WORKFLOW, executionId, '--json'], env);
    const proven = state === 'CANCELLED' && cancellation?.cleanup === 'succeeded';
    say(
      proven
        ? 'CANCELLED, and its clean-up succeeded. Nothing of it runs any more.'
        : `Not what was promised: state ${state}, cleanup ${cancellation?.cleanup ?? 'unknown'}`,
    );
    return proven;
  } finally {
    await server.stop();
  }
}

const dataDir = await mkdtemp(join(tmpdir(), 'flux-demo-'));
try {
  process.exitCode = (await demo(dataDir)) ? 0 : 1;
} catch (error) {
  console.error(`The demo failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  await rm(dataDir, { recursive: true, force: true });
}
