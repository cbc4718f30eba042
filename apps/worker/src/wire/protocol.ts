import type { ResolveFnOutput } from 'node:module';
import type {
  CheckpointEvent,
  ChildFinished,
  HistoryEntry,
  StrayKind,
  WorkflowDefinition,
} from '@flux/contracts';
import type { CancelSignal, ExecutionStart, LogLevel } from '../runtime/index.js';
import type { ToldEvent } from './packed-event.js';

/** An import, and where it led to. */
export interface Resolved {
  readonly url: string;
  readonly format?: ResolveFnOutput['format'] | undefined;
}

/** The code that a worker started with: all of it but packages below `node_modules`, which stay where they are. */
export interface Code {
  /** Absolute paths of the files that may export workflows. */
  readonly files: readonly string[];
  /** The `tsconfig.json` of the folder, if there is one. */
  readonly tsconfig: string | undefined;
  /** The text of each file, by its real path. */
  readonly sources: ReadonlyMap<string, string>;
  /** Where the imports in those files led to. */
  readonly resolved: ReadonlyMap<string, Resolved>;
}

/** The data that a runner is started with. */
export interface RunnerData {
  /** Absolute path of the folder whose workflows it loads. */
  readonly directory: string;
  /** The code to load; absent: the runner is the first of its worker, reads the folder and tells what it has read. */
  readonly code?: Code;
  /** The most bytes of JSON that an input, an output or a progress may have. */
  readonly maxPayloadBytes: number;
  /** The most bytes of its heap; absent: Node's own limit. */
  readonly memoryBytes?: number | undefined;
  /** How long a schema may look at an input before its runner is killed; milliseconds. */
  readonly inputCheckMs: number;
  /** How marks of programs name this worker, and this runner. */
  readonly incarnation?: string;
  readonly runnerId?: string;
}

/** Supervisor → runner. `handle` is the supervisor's number for one attempt of one execution. */
export type ToRunner =
  | ToExecution
  /** Answered at once, unless the runner is busy. */
  | { readonly kind: 'ping' };

/** The messages that are for one execution. */
export type ToExecution = { readonly handle: number } & ExecutionNews;

export type ExecutionNews =
  | {
      readonly kind: 'start';
      readonly workflowName: string;
      readonly start: ExecutionStart;
      /** A last part of the history follows, if an empty one: it begins once that is there. */
      readonly more: boolean;
    }
  /** The input, where it is not in the start. */
  | { readonly kind: 'input'; readonly input: unknown }
  | { readonly kind: 'history'; readonly entries: readonly HistoryEntry[]; readonly more: boolean }
  | { readonly kind: 'cancel'; readonly request: CancelSignal }
  /** Park the execution at its next call. */
  | { readonly kind: 'pause' }
  /** A child of the execution has ended. */
  | { readonly kind: 'child'; readonly entry: ChildFinished }
  /** Another attempt owns the execution: end it here at once, without a cleanup. */
  | { readonly kind: 'stop' }
  /** The oldest `count` events that were not confirmed yet are safe. */
  | { readonly kind: 'confirmed'; readonly count: number };

/** A task that has begun, as the api is told of it. */
export type BegunTask = Omit<Extract<CheckpointEvent, { type: 'task_started' }>, 'type' | 'at'>;

/** What a runner has loaded. */
export interface Loaded {
  readonly workflows: readonly WorkflowDefinition[];
  /** Told by the first runner of a worker. */
  readonly code?: Code;
}

/** Runner → supervisor. */
export type FromRunner =
  /** The next file; when the runner ends now, this file ended it. */
  | { readonly kind: 'loading'; readonly file: string }
  | ({ readonly kind: 'loaded' } & Loaded)
  | { readonly kind: 'load_failed'; readonly faults: readonly string[] }
  | { readonly kind: 'pong' }
  /** Time is up for what this worker owns: nothing of it goes on here, and nothing more is told. */
  | { readonly kind: 'overdue' }
  /** The events come in order; after `finished` or `parked` the handle is free. */
  | { readonly kind: 'event'; readonly handle: number; readonly event: ToldEvent }
  /** A task of the execution has begun; one that ends at once is not told of. */
  | { readonly kind: 'began'; readonly handle: number; readonly task: BegunTask }
  /** Its code is about to start its first program; `null`: the code belongs to no execution. */
  | { readonly kind: 'program'; readonly handle: number | null }
  /** The program with that mark lives on. */
  | {
      readonly kind: 'detached';
      readonly handle: number;
      readonly mark: string;
      readonly name: string;
      readonly pid: number;
    }
  /** The body has come to where it stood and has the signal, which its start or a message during its replay brought. */
  | { readonly kind: 'signalled'; readonly handle: number }
  /** The execution waits for nothing but the ends of children, or does so no more. */
  | { readonly kind: 'waiting'; readonly handle: number; readonly onlyForChildren: boolean }
  /** The execution has ended, and things that its code began are open still; how many, by kind. */
  | {
      readonly kind: 'strays';
      readonly workflowName: string;
      readonly open: ReadonlyMap<StrayKind, number>;
    }
  /** Live only; what comes while the link is down is lost. */
  | {
      readonly kind: 'progress';
      readonly handle: number;
      readonly callId: string;
      readonly name: string;
      readonly value: unknown;
    }
  /** `handle` is `null` for what belongs to no execution. */
  | {
      readonly kind: 'log';
      readonly handle: number | null;
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    };

const FROM_RUNNER: Readonly<Record<FromRunner['kind'], true>> = {
  loading: true,
  loaded: true,
  load_failed: true,
  pong: true,
  overdue: true,
  event: true,
  began: true,
  program: true,
  detached: true,
  signalled: true,
  progress: true,
  strays: true,
  waiting: true,
  log: true,
};

/**
 * The part of a message that is the runner's own. Workflow code and its libraries reach the same channel, and may
 * take whoever listens for their own parent (`process.send('ready')`).
 */
export function fromRunner(message: unknown): readonly FromRunner[] {
  if (!Array.isArray(message)) return [];
  return message.filter((each: { kind?: unknown } | null): each is FromRunner => {
    return typeof each?.kind === 'string' && Object.hasOwn(FROM_RUNNER, each.kind);
  });
}
