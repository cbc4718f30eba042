import { errorInfo } from '../runtime/index.js';
import { findWorkflowFiles } from './find-workflow-files.js';
import { loadWorkflows, type LoadedWorkflows } from './load-workflows.js';
import { Outbox } from './outbox.js';
import { OwnershipClock } from './ownership-clock.js';
import type { FromRunner, RunnerData, ToRunner } from './protocol.js';
import { registerHooks } from './register-hooks.js';
import { RunnerExecutions } from './runner-executions.js';

/** A runner's line to its supervisor; both ways in order. */
export interface RunnerPort {
  post(messages: readonly FromRunner[]): void;
  listen(listener: (messages: readonly ToRunner[]) => void): void;
}

/** Loads the workflows, then runs executions until the thread or process is ended from outside. */
export async function serveRunner(data: RunnerData, port: RunnerPort): Promise<void> {
  const outbox = new Outbox<FromRunner>((messages) => port.post(messages));
  // Ending the thread would end its neighbours: thrown, it ends only the code that called it.
  process.exit = (code): never => {
    throw new Error(`process.exit(${code ?? ''}) was called in a workflow`);
  };
  try {
    const loaded = await load(data.directory, port);
    if (loaded.faults.length === 0) run(loaded, data, outbox, port);
    else outbox.push({ kind: 'load_failed', faults: loaded.faults });
  } catch (error) {
    outbox.push({ kind: 'load_failed', faults: [errorInfo(error).message] });
  }
}

async function load(directory: string, port: RunnerPort): Promise<LoadedWorkflows> {
  const files = findWorkflowFiles(directory);
  await registerHooks(files.some((file) => file.endsWith('ts')));
  return loadWorkflows(directory, files, (file) => port.post([{ kind: 'loading', file }]));
}

function run(
  { workflows, manifest }: LoadedWorkflows,
  { maxPayloadBytes, clock, entered }: RunnerData,
  outbox: Outbox<FromRunner>,
  port: RunnerPort,
): void {
  const executions = new RunnerExecutions(workflows, outbox, {
    maxPayloadBytes,
    clock: clock && new OwnershipClock(clock),
    entered: entered && new Int32Array(entered),
  });
  process.on('uncaughtException', (error) => executions.blame(error));
  process.on('unhandledRejection', (reason) => {
    const error = errorInfo(reason);
    executions.log('warn', 'a promise was rejected and nobody handled it', { error });
  });
  port.listen((messages) => {
    for (const message of messages) executions.handle(message);
  });
  outbox.push({ kind: 'loaded', workflows: manifest });
}
