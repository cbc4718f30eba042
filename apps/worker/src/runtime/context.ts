import { randomUUID } from 'node:crypto';
import {
  toMilliseconds,
  type ChildOptions,
  type ExecutionContext,
  type LogFields,
  type Logger,
  type ScopeOptions,
  type ShieldOptions,
  type Task,
} from '@flux/sdk';
import { Calls } from './calls/calls.js';
import type { CancelHandler } from './cleanup/cleanup.js';
import type { ExecutionHost, LogLevel } from './host.js';
import type { Scope } from './scope.js';
import { runSubScope, type ScopeFunction, type SubScopeEnvironment } from './sub-scopes.js';

/** The part of an execution that its context needs. */
export interface ContextOwner {
  /** The scope of the calling code. */
  readonly scope: Scope;
  readonly isCancelled: boolean;
  shield<T>(fn: () => T | PromiseLike<T>, timeoutMs: number | undefined): Promise<T>;
  onCancel(fn: CancelHandler): () => void;
}

/** The `ctx` of a workflow's body. Its functions need no `this`. */
export function createContext(owner: ContextOwner, environment: SubScopeEnvironment): ExecutionContext {
  const calls = new Calls(environment);
  return {
    ...environment.context,
    get signal() {
      return owner.scope.signal;
    },
    get isCancelled() {
      return owner.isCancelled;
    },
    run: <I, O>(task: Task<I, O>, input?: I) => handled(calls.run(owner.scope, task, input) as Promise<O>),
    map: <I, O>(task: Task<I, O>, inputs: readonly I[], { concurrency = Infinity } = {}) =>
      handled(calls.map(owner.scope, task, inputs, concurrency) as Promise<O[]>),
    pipeline: (input: unknown, stages: readonly Task<never, unknown>[]) =>
      handled(calls.pipeline(owner.scope, input, stages) as Promise<never>),
    call: (workflow: unknown, input?: unknown, options?: ChildOptions) =>
      handled(calls.children.call(owner.scope, workflow, input, options) as Promise<never>),
    start: (workflow: unknown, input?: unknown, options?: ChildOptions) =>
      handled(calls.children.start(() => owner.scope, workflow, input, options) as Promise<never>),
    now: () => calls.value(owner.scope, '$now', Date.now),
    uuid: () => calls.value(owner.scope, '$uuid', () => randomUUID()),
    random: () => calls.value(owner.scope, '$random', Math.random),
    patched: (id) => calls.patched(owner.scope, id),
    sleep: (duration) => handled(calls.parking.sleep(owner.scope, duration)),
    pause: <T>(name: string) => handled(calls.parking.pause(owner.scope, name) as Promise<T>),
    shield: <T>(fn: () => T | PromiseLike<T>, { timeout }: ShieldOptions = {}) =>
      handled(owner.shield(fn, timeout === undefined ? undefined : toMilliseconds(timeout))),
    scope: <T>(fn: ScopeFunction<T>, { timeout }: ScopeOptions = {}) =>
      handled(
        runSubScope(
          environment,
          owner.scope,
          fn,
          timeout === undefined ? undefined : toMilliseconds(timeout),
        ),
      ),
    onCancel: (fn) => owner.onCancel(fn),
  };
}

/** A logger that writes through `host`. */
export function createLogger(host: Pick<ExecutionHost, 'log'>): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      host.log(level, message, fields);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A call nobody awaits is no unhandled rejection: its failure is on record, and a cancel is none. */
function handled<P extends Promise<unknown>>(promise: P): P {
  promise.catch(() => undefined);
  return promise;
}
