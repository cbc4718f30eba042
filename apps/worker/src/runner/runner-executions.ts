import { AsyncLocalStorage } from 'node:async_hooks';
import type { CheckpointEvent } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { OwnershipLostError, type AnyWorkflow } from '@flux/sdk';
import {
  errorInfo,
  Execution,
  PARK_AFTER_MS,
  type ExecutionStart,
  type LogLevel,
  type Scope,
} from '../runtime/index.js';
import { Confirmations } from './confirmations.js';
import type { Outbox } from './outbox.js';
import type { FromRunner, ToRunner } from './protocol.js';

interface Running {
  readonly execution: Execution;
  readonly confirmations: Confirmations;
}

type Fields = Readonly<Record<string, unknown>> | undefined;

/** The executions of one runner thread. */
export class RunnerExecutions {
  readonly #running = new Map<number, Running>();
  readonly #handles = new Map<object, number>();
  readonly #scopes = new AsyncLocalStorage<Scope>();

  constructor(
    private readonly workflows: ReadonlyMap<string, AnyWorkflow>,
    private readonly outbox: Outbox<FromRunner>,
    private readonly maxPayloadBytes: number,
  ) {}

  /** Obeys one message; what is about an execution that has ended meanwhile has no effect. */
  handle(message: ToRunner): void {
    if (message.kind === 'start') {
      void this.#start(message.handle, message.workflowName, message.start);
      return;
    }
    const running = this.#running.get(message.handle);
    if (!running) return;
    switch (message.kind) {
      case 'cancel':
        running.execution.cancel(message.request);
        break;
      case 'pause':
        running.execution.pause();
        break;
      case 'stop':
        running.execution.stop(new OwnershipLostError('another worker owns the execution now'));
        break;
      case 'confirmed':
        running.confirmations.confirm(message.count);
        break;
    }
  }

  /** An error nobody caught ends the execution whose code threw it, and no other. */
  blame(error: unknown): void {
    const owner = this.#scopes.getStore()?.owner;
    const { name, message, stack } = errorInfo(error);
    this.log('error', 'an error was thrown and nobody caught it', { error: { name, message, stack } });
    if (owner instanceof Execution) owner.fail(error instanceof Error ? error : new Error(message));
  }

  /** Logs for the execution whose code runs now. */
  log(level: LogLevel, message: string, fields: Fields): void {
    const owner = this.#scopes.getStore()?.owner;
    this.#log((owner && this.#handles.get(owner)) ?? null, level, message, fields);
  }

  async #start(handle: number, workflowName: string, start: ExecutionStart): Promise<void> {
    const workflow = this.workflows.get(workflowName);
    if (!workflow) {
      this.#emit(handle, unknownWorkflow(workflowName));
      return;
    }
    const confirmations = new Confirmations();
    const host = {
      parkAfterMs: PARK_AFTER_MS,
      record: (event: CheckpointEvent): Promise<void> => {
        this.#emit(handle, event);
        return confirmations.next();
      },
      progress: ({ callId, name }: Record<'callId' | 'name', string>, value: unknown): void =>
        this.outbox.push({ kind: 'progress', handle, callId, name, value }),
      maxPayloadBytes: this.maxPayloadBytes,
      log: (level: LogLevel, message: string, fields: Fields): void =>
        this.#log(handle, level, message, fields),
    };
    const execution = new Execution(workflow, start, host, this.#scopes);
    this.#running.set(handle, { execution, confirmations });
    this.#handles.set(execution, handle);
    const finished = await execution.run();
    this.#running.delete(handle);
    this.#handles.delete(execution);
    this.#emit(handle, finished);
  }

  #emit(handle: number, event: CheckpointEvent): void {
    this.outbox.push({ kind: 'event', handle, event });
  }

  #log(handle: number | null, level: LogLevel, message: string, fields: Fields): void {
    this.outbox.push({ kind: 'log', handle, level, message: String(message), fields: plain(fields) });
  }
}

/** Fields as they can be posted to another thread. */
function plain(fields: Fields): Fields {
  if (fields === undefined) return undefined;
  try {
    return JSON.parse(JSON.stringify(fields, showErrors)) as Fields;
  } catch {
    return { fields: 'not JSON' };
  }
}

function showErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? errorInfo(value) : value;
}

function unknownWorkflow(workflowName: string): CheckpointEvent {
  const error = errorInfo(
    new FluxError('WORKFLOW_NOT_FOUND', `the worker's files have no workflow '${workflowName}' any more`),
  );
  return {
    type: 'finished',
    outcome: 'failed',
    signalled: false,
    output: null,
    error,
    cleanup: null,
    cleanupError: null,
    forced: false,
    at: Date.now(),
  };
}
