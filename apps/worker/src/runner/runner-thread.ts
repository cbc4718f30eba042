/** Entry of a runner thread: loads the workflows, then runs executions until it is terminated. */
import { parentPort, workerData } from 'node:worker_threads';
import { errorInfo } from '../runtime/index.js';
import { findWorkflowFiles } from './find-workflow-files.js';
import { loadWorkflows, type LoadedWorkflows } from './load-workflows.js';
import { Outbox } from './outbox.js';
import { OwnershipClock } from './ownership-clock.js';
import type { FromRunner, RunnerData, ToRunner } from './protocol.js';
import { registerHooks } from './register-hooks.js';
import { RunnerExecutions } from './runner-executions.js';

if (!parentPort) throw new Error('a runner is a worker thread');
const port = parentPort;
const { directory, maxPayloadBytes, clock } = workerData as RunnerData;
const outbox = new Outbox<FromRunner>((messages) => port.postMessage(messages));

// Ending the thread would end its neighbours: thrown, it ends only the code that called it.
process.exit = (code): never => {
  throw new Error(`process.exit(${code ?? ''}) was called in a workflow`);
};

async function load(): Promise<LoadedWorkflows> {
  const files = findWorkflowFiles(directory);
  await registerHooks(files.some((file) => file.endsWith('ts')));
  return loadWorkflows(directory, files, (file) => port.postMessage([{ kind: 'loading', file }]));
}

function run({ workflows, manifest }: LoadedWorkflows): void {
  const executions = new RunnerExecutions(
    workflows,
    outbox,
    maxPayloadBytes,
    clock && new OwnershipClock(clock),
  );
  process.on('uncaughtException', (error) => executions.blame(error));
  process.on('unhandledRejection', (reason) => {
    const error = errorInfo(reason);
    executions.log('warn', 'a promise was rejected and nobody handled it', { error });
  });
  port.on('message', (messages: readonly ToRunner[]) => {
    for (const message of messages) executions.handle(message);
  });
  outbox.push({ kind: 'loaded', workflows: manifest });
}

try {
  const loaded = await load();
  if (loaded.faults.length === 0) run(loaded);
  else outbox.push({ kind: 'load_failed', faults: loaded.faults });
} catch (error) {
  outbox.push({ kind: 'load_failed', faults: [errorInfo(error).message] });
}
