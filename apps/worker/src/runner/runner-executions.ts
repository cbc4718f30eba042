import { AsyncLocalStorage } from 'node:async_hooks';
import type { CheckpointEvent } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { OwnershipLostError, type AnyWorkflow } from '@flux/sdk';
import {
  errorInfo,
  Execution,
  PARK_AFTER_MS,
  PARK_CHILDREN_AFTER_MS,
  type ExecutionStart,
  type LogLevel,
  type Scope,
} from '../runtime/index.js';
import { ArrivingStart } from './arriving-start.js';
import { Confirmations } from './confirmations.js';
import type { Outbox } from './outbox.js';
import type { OwnershipClock } from './ownership-clock.js';
import type { FromRunner, ToExecution, ToRunner } from './protocol.js';

interface Running {
  readonly execution: Execution;
  readonly confirmations: Confirmations;
}

export interface RunnerExecutionsOptions {
  readonly maxPayloadBytes: number;
  readonly clock: OwnershipClock | undefined;
  /** Its first number is the handle whose code was entered last. */
  readonly entered: Int32Array | undefined;
}

type Fields = Readonly<Record<string, unknown>> | undefined;

/** The executions of one runner. */
export class RunnerExecutions {
  readonly #running = new Map<number, Running>();
  readonly #arriving = new Map<number, ArrivingStart>();
  readonly #handles = new Map<object, number>();
  readonly #scopes = new AsyncLocalStorage<Scope>();

  constructor(
    private readonly workflows: ReadonlyMap<string, AnyWorkflow>,
    private readonly outbox: Outbox<FromRunner>,
    private readonly options: RunnerExecutionsOptions,
  ) {}

  /** Obeys one message; what is about an execution that has ended meanwhile has no effect. */
  handle(message: ToRunner): void {
    if (message.kind === 'ping') {
      this.outbox.push({ kind: 'pong' });
      return;
    }
    this.#enter(message.handle);
    if (this.#isOverdue()) return;
    if (message.kind === 'start') {
      if (message.more) this.#arriving.set(message.handle, new ArrivingStart(message));
      else void this.#start(message.handle, message.workflowName, message.start);
      return;
    }
    const arriving = this.#arriving.get(message.handle);
    if (arriving) return this.#arrive(arriving, message);
    const running = this.#running.get(message.handle);
    if (!running) return;
    switch (message.kind) {
      case 'cancel':
        running.execution.cancel(message.request);
        break;
      case 'pause':
        running.execution.pause();
        break;
      case 'child':
        running.execution.childEnded(message.entry);
        break;
      case 'stop':
        running.execution.stop(ownershipLost());
        break;
      case 'confirmed':
        running.confirmations.confirm(message.count);
        break;
      default:
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

  /** Its history is on its way: begins it with the last page, and not at all when another attempt owns it. */
  #arrive(arriving: ArrivingStart, message: ToExecution): void {
    const { handle } = message;
    if (message.kind === 'stop') {
      this.#arriving.delete(handle);
      this.#emit(handle, failed(ownershipLost()));
    } else if (message.kind !== 'history') arriving.kept.push(message);
    else {
      arriving.add(message.entries);
      if (message.more) return;
      this.#arriving.delete(handle);
      for (const each of [arriving.complete(), ...arriving.kept]) this.handle(each);
    }
  }

  async #start(handle: number, workflowName: string, start: ExecutionStart): Promise<void> {
    const workflow = this.workflows.get(workflowName);
    if (!workflow) {
      const message = `the worker's files have no workflow '${workflowName}' any more`;
      this.#emit(handle, failed(new FluxError('WORKFLOW_NOT_FOUND', message)));
      return;
    }
    const confirmations = new Confirmations();
    const host = {
      parkAfterMs: PARK_AFTER_MS,
      assertOwned: () => this.#assertOwned(handle),
      parkChildrenAfterMs: PARK_CHILDREN_AFTER_MS,
      record: (event: CheckpointEvent): Promise<void> => {
        this.#isOverdue();
        this.#emit(handle, event);
        return confirmations.next();
      },
      progress: ({ callId, name }: Record<'callId' | 'name', string>, value: unknown): void =>
        this.outbox.push({ kind: 'progress', handle, callId, name, value }),
      maxPayloadBytes: this.options.maxPayloadBytes,
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

  /**
   * A process that was frozen wakes here before its supervisor can say that others may own what it ran: then all of it
   * is stopped, and what it tells after this message is not passed on.
   */
  #isOverdue(): boolean {
    if (!this.options.clock?.isUp) return false;
    if (this.#running.size > 0) this.outbox.push({ kind: 'overdue' });
    for (const { execution } of this.#running.values()) execution.stop(ownershipLost());
    return true;
  }

  #enter(handle: number): void {
    if (this.options.entered) Atomics.store(this.options.entered, 0, handle);
  }

  #assertOwned(handle: number): void {
    this.#enter(handle);
    if (this.#isOverdue()) throw ownershipLost();
  }

  #emit(handle: number, event: CheckpointEvent): void {
    this.outbox.push({ kind: 'event', handle, event });
  }

  #log(handle: number | null, level: LogLevel, message: string, fields: Fields): void {
    this.outbox.push({ kind: 'log', handle, level, message: String(message), fields: plain(fields) });
  }
}

function ownershipLost(): OwnershipLostError {
  return new OwnershipLostError('another worker may own the execution now');
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

/** The end of an execution whose body has not begun. */
function failed(error: Error): CheckpointEvent {
  return {
    type: 'finished',
    outcome: 'failed',
    signalled: false,
    output: null,
    error: errorInfo(error),
    cleanup: null,
    cleanupError: null,
    forced: false,
    at: Date.now(),
  };
}
