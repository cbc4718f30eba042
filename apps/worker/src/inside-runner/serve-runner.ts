import { errorInfo } from '../runtime/index.js';
import { decoratorFaults } from './loading/decorator-faults.js';
import { readCode } from './loading/find-workflow-files.js';
import { loadWorkflows, type LoadedWorkflows } from './loading/load-workflows.js';
import { MessageBatch } from '../wire/message-batch.js';
import type { OwnershipClock } from '../wire/ownership-clock.js';
import type { Code, FromRunner, RunnerData, ToRunner } from '../wire/protocol.js';
import type { Whereabouts } from '../wire/whereabouts.js';
import { registerHooks } from './loading/register-hooks.js';
import { RunnerExecutions, watchOpenThings } from './runner-executions.js';
import { RunnerPrograms } from './runner-programs.js';

/** A runner's line to its supervisor, both ways in order, and what its guard sees. */
export interface RunnerPort {
  readonly clock: OwnershipClock;
  readonly whereabouts: Whereabouts;
  post(messages: readonly FromRunner[]): void;
  listen(listener: (messages: readonly ToRunner[]) => void): void;
}

interface LoadedCode extends LoadedWorkflows {
  readonly code?: Code;
}

/** Loads the workflows, then runs executions until the process is ended from outside. */
export async function serveRunner(data: RunnerData, port: RunnerPort): Promise<void> {
  const outbox = new MessageBatch<FromRunner>((messages) => port.post(messages));
  const programs = new RunnerPrograms(data, outbox);
  programs.hook();
  // Ending the process would end its neighbours: thrown, it ends only the code that called it.
  process.exit = (code): never => {
    throw new Error(`process.exit(${code ?? ''}) was called in a workflow`);
  };
  watchOpenThings();
  try {
    const loaded = await load(data, port);
    if (loaded.faults.length === 0) run(loaded, data, outbox, port, programs);
    else outbox.push({ kind: 'load_failed', faults: loaded.faults });
  } catch (error) {
    outbox.push({ kind: 'load_failed', faults: [errorInfo(error).message] });
  }
}

async function load({ directory, code }: RunnerData, port: RunnerPort): Promise<LoadedCode> {
  const started = code ?? readCode(directory);
  const { files } = started;
  const readUntilNow = await registerHooks(
    started,
    files.some((file) => file.endsWith('ts')),
  );
  const loaded = await loadWorkflows(directory, files, (file) => port.post([{ kind: 'loading', file }]));
  if (code) return loaded;
  const read = readUntilNow();
  return { ...loaded, faults: [...loaded.faults, ...decoratorFaults(directory, read)], code: read };
}

function run(
  { workflows, manifest, code }: LoadedCode,
  { maxPayloadBytes }: RunnerData,
  outbox: MessageBatch<FromRunner>,
  port: RunnerPort,
  programs: RunnerPrograms,
): void {
  const executions = new RunnerExecutions({
    programs,
    workflows,
    outbox,
    maxPayloadBytes,
    clock: port.clock,
    whereabouts: port.whereabouts,
  });
  process.on('uncaughtException', (error) => executions.blame(error));
  process.on('unhandledRejection', (reason) => {
    const error = errorInfo(reason);
    executions.log('warn', 'a promise was rejected and nobody handled it', { error });
  });
  port.listen((messages) => {
    for (const message of messages) executions.handle(message);
  });
  outbox.push({ kind: 'loaded', workflows: manifest, ...(code && { code }) });
}
