import { AsyncLocalStorage } from 'node:async_hooks';
import type { CheckpointEvent } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { keepHeapLean } from '@flux/messaging/lean-heap';
import { OwnershipLostError, type AnyWorkflow } from '@flux/sdk';
import {
  clip,
  errorInfo,
  Execution,
  isA,
  PARK_AFTER_MS,
  PARK_CHILDREN_AFTER_MS,
  tooDeepAt,
  wordsOf,
  type ExecutionHost,
  type LogLevel,
  type Scope,
} from '../runtime/index.js';
import { ArrivingStart, type StartMessage } from './arriving-start.js';
import { Confirmations } from './confirmations.js';
import { OpenThings } from './open-things.js';
import type { ProgramOwner, RunnerPrograms } from './runner-programs.js';
import { TaskStarts } from './task-starts.js';
import { isBulky } from '../wire/bulky.js';
import { Breather } from './breather.js';
import { pack } from '../wire/packed-event.js';
import type { MessageBatch } from '../wire/message-batch.js';
import type { OwnershipClock } from '../wire/ownership-clock.js';
import type { FromRunner, ToExecution, ToRunner } from '../wire/protocol.js';
import type { Whereabouts } from '../wire/whereabouts.js';

interface Running {
  readonly execution: Execution;
  readonly confirmations: Confirmations;
  readonly owner: ProgramOwner;
}

export interface RunnerExecutionsOptions {
  readonly workflows: ReadonlyMap<string, AnyWorkflow>;
  readonly outbox: MessageBatch<FromRunner>;
  readonly maxPayloadBytes: number;
  readonly clock: OwnershipClock | undefined;
  readonly whereabouts: Whereabouts | undefined;
  readonly programs: RunnerPrograms;
}

type Fields = Readonly<Record<string, unknown>> | undefined;

/** The scopes whose code runs. One for all: each storage that is in use costs every promise of the process. */
const SCOPES = new AsyncLocalStorage<Scope>();

/** What the code of executions has begun, from when this is loaded. */
const OPEN = new OpenThings(() => SCOPES.getStore()?.owner);

/** Has the things known that code begins in an execution. Call it once, before workflows are loaded. */
export function watchOpenThings(): void {
  OPEN.watch();
}

/** The executions of one runner. */
export class RunnerExecutions {
  readonly #options: RunnerExecutionsOptions;
  readonly #running = new Map<number, Running>();
  readonly #arriving = new Map<number, ArrivingStart>();
  readonly #handles = new Map<object, number>();
  readonly #scopes = SCOPES;
  readonly #starts: TaskStarts;

  constructor(options: RunnerExecutionsOptions) {
    this.#options = options;
    this.#starts = new TaskStarts(options.outbox);
    options.programs.ownerNow = () => this.#programOwner();
  }

  /** Obeys one message; what is about an execution that has ended meanwhile has no effect. */
  handle(message: ToRunner): void {
    if (message.kind === 'ping') return this.#options.outbox.push({ kind: 'pong' });
    this.#options.whereabouts?.enter(message.handle);
    // A start is here before the clock is looked at: dropped without a word, the execution would seem to run for ever.
    if (message.kind === 'start') this.#arriving.set(message.handle, new ArrivingStart(message));
    if (this.#isOverdue()) return;
    const arriving = this.#arriving.get(message.handle);
    if (arriving) return this.#arrive(arriving, message);
    const running = this.#running.get(message.handle);
    if (!running) return;
    switch (message.kind) {
      case 'cancel':
        return running.execution.cancel(message.request);
      case 'pause':
        return running.execution.pause();
      case 'child':
        return running.execution.childEnded(message.entry);
      case 'stop':
        return running.execution.stop(ownershipLost());
      case 'confirmed':
        return running.confirmations.confirm(message.count);
      default:
    }
  }

  /** An error nobody caught ends the execution whose code threw it, and no other. */
  blame(error: unknown): void {
    const owner = this.#scopes.getStore()?.owner;
    const info = errorInfo(error);
    this.log('error', 'an error was thrown and nobody caught it', { error: info });
    if (owner instanceof Execution) owner.fail(isA(error, Error) ? error : new Error(info.message));
  }

  /** Logs for the execution whose code runs now. */
  log(level: LogLevel, message: string, fields: Fields): void {
    const owner = this.#scopes.getStore()?.owner;
    this.#log((owner && this.#handles.get(owner)) ?? null, level, message, fields);
  }

  /** Begins an execution with the last page of its history, and not at all when another attempt owns it. */
  #arrive(arriving: ArrivingStart, message: ToExecution): void {
    const { handle } = message;
    if (message.kind === 'stop') {
      this.#arriving.delete(handle);
      this.#emit(handle, failed(ownershipLost()));
    } else if (message.kind === 'start' || message.kind === 'history') {
      if (message.kind === 'history') arriving.add(message.entries);
      if (message.more) return;
      this.#arriving.delete(handle);
      void this.#start(arriving.complete());
      for (const each of arriving.kept) this.handle(each);
    } else if (message.kind === 'input') arriving.input = message.input;
    else arriving.kept.push(message);
  }

  async #start({ handle, workflowName, start }: StartMessage): Promise<void> {
    const workflow = this.#options.workflows.get(workflowName);
    if (!workflow) {
      const message = `the worker's files have no workflow '${workflowName}' any more`;
      this.#emit(handle, failed(new FluxError('WORKFLOW_NOT_FOUND', message)));
      return;
    }
    const confirmations = new Confirmations();
    const host = this.#hostOf(handle, confirmations);
    const execution = new Execution({ workflow, start, host, scopes: this.#scopes });
    const { executionId, attempt } = start;
    this.#running.set(handle, { execution, confirmations, owner: { handle, executionId, attempt } });
    this.#handles.set(execution, handle);
    const finished = await execution.run();
    this.#running.delete(handle);
    this.#handles.delete(execution);
    this.#options.programs.ended(handle);
    this.#emit(handle, finished);
    if (finished.type === 'finished') this.#tellStrays(execution, workflowName);
  }

  /** What was closed in the same breath is closed in the next turn. */
  #tellStrays(execution: Execution, workflowName: string): void {
    setImmediate(() => {
      const open = OPEN.openOf(execution);
      if (open.size > 0) this.#options.outbox.push({ kind: 'strays', workflowName, open });
    });
  }

  #hostOf(handle: number, confirmations: Confirmations): ExecutionHost {
    const breather = new Breather();
    return {
      parkAfterMs: PARK_AFTER_MS,
      assertOwned: () => this.#assertOwned(handle),
      checksInput: (check) => {
        const { whereabouts } = this.#options;
        return whereabouts ? whereabouts.check(handle, check) : check();
      },
      parkChildrenAfterMs: PARK_CHILDREN_AFTER_MS,
      record: (event: CheckpointEvent, isMoot?: boolean): Promise<void> => {
        this.#isOverdue();
        if (event.type === 'task_completed' || event.type === 'task_failed')
          this.#starts.ended(handle, event);
        this.#emit(handle, event, isMoot);
        return confirmations.next();
      },
      taskBegins: (call, hasRollback) => this.#starts.begins(handle, call, hasRollback),
      taskInterrupted: (event) => {
        this.#starts.ended(handle, event);
        this.#emit(handle, event);
      },
      progress: ({ callId, name }: Record<'callId' | 'name', string>, value: unknown): void =>
        this.#progress({ kind: 'progress', handle, callId, name, value }),
      detach: (child) => this.#options.programs.detach(handle, child),
      signalled: (): void => this.#options.outbox.push({ kind: 'signalled', handle }),
      waiting: (onlyForChildren: boolean): void =>
        this.#options.outbox.push({ kind: 'waiting', handle, onlyForChildren }),
      breathe: () => breather.breathe(),
      room: () => confirmations.room() ?? breather.begin(),
      maxPayloadBytes: this.#options.maxPayloadBytes,
      log: (level: LogLevel, message: string, fields: Fields): void =>
        this.#log(handle, level, message, fields),
    };
  }

  /** @throws when the code that runs now is of an execution that has ended, or may be another worker's */
  #programOwner(): ProgramOwner | undefined {
    const execution = this.#scopes.getStore()?.owner;
    if (!execution) return undefined;
    const handle = this.#handles.get(execution);
    if (handle === undefined) throw new Error('the execution has ended: its code starts no program any more');
    this.#assertOwned(handle);
    return this.#running.get(handle)?.owner;
  }

  /**
   * A process that was frozen wakes here before its supervisor can say that others may own what it ran: then all of it
   * is stopped, what has not begun is refused, and what is told after this message is not passed on.
   */
  #isOverdue(): boolean {
    if (!this.#options.clock?.isUp) return false;
    if (this.#running.size + this.#arriving.size > 0) this.#options.outbox.push({ kind: 'overdue' });
    for (const { execution } of this.#running.values()) execution.stop(ownershipLost());
    for (const handle of this.#arriving.keys()) this.#emit(handle, failed(ownershipLost()));
    this.#arriving.clear();
    return true;
  }

  #assertOwned(handle: number): void {
    this.#options.whereabouts?.enter(handle);
    if (this.#isOverdue()) throw ownershipLost();
  }

  #emit(handle: number, event: CheckpointEvent, isMoot = false): void {
    if (!isBulky(event)) return this.#options.outbox.push({ kind: 'event', handle, event });
    keepHeapLean();
    this.#options.outbox.pushAlone({ kind: 'event', handle, event: pack(event, isMoot) });
  }

  #progress(message: Extract<FromRunner, { kind: 'progress' }>): void {
    if (isBulky(message.value)) this.#options.outbox.pushAlone(message);
    else this.#options.outbox.push(message);
  }

  #log(handle: number | null, level: LogLevel, message: string, fields: Fields): void {
    this.#options.outbox.push({
      kind: 'log',
      handle,
      level,
      message: clip(textOf(message), this.#options.maxPayloadBytes),
      fields: plain(fields, this.#options.maxPayloadBytes),
    });
  }
}

function ownershipLost(): OwnershipLostError {
  return new OwnershipLostError('another worker may own the execution now');
}

/** Fields as they can be posted to another process and written there: logging ends no execution. */
function plain(fields: Fields, limitBytes: number): Fields {
  if (fields === undefined) return undefined;
  try {
    const copy = JSON.parse(JSON.stringify(fields, shownWithin(limitBytes))) as Fields;
    return tooDeepAt(copy) === undefined ? copy : { fields: 'nested too deep' };
  } catch {
    return { fields: 'not JSON, or too much of it' };
  }
}

/** What JSON shows of each value. Counting ends what occurs so often in itself that it has no end. */
function shownWithin(limitBytes: number): (key: string, value: unknown) => unknown {
  let left = limitBytes;
  return (key, value) => {
    left -= 1 + key.length + (typeof value === 'string' ? value.length : 0);
    if (left < 0) throw new RangeError('too much');
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Error ? errorInfo(value) : value;
  };
}

function textOf(message: unknown): string {
  try {
    return wordsOf(message);
  } catch {
    return 'a message that is no text';
  }
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
