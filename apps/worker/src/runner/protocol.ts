import type { CheckpointEvent, ChildFinished, HistoryEntry, WorkflowDefinition } from '@flux/contracts';
import type { CancelRequest, ExecutionStart, LogLevel } from '../runtime/index.js';

/** What a runner is started with. */
export interface RunnerData {
  /** Absolute path of the folder whose workflows it loads. */
  readonly directory: string;
  /** The most bytes of JSON that an input, an output or a progress may have. */
  readonly maxPayloadBytes: number;
  /** The buffer of the worker's OwnershipClock, where the runner shares its memory. */
  readonly clock?: SharedArrayBuffer;
  /** An Int32 in which the runner notes the handle whose code it entered last, where it shares its memory. */
  readonly entered?: SharedArrayBuffer;
}

/** On this descriptor a runner process hears its supervisor breathe. */
export const GUARD_FD = 4;

/** Supervisor → runner. `handle` is the supervisor's number for one attempt of one execution. */
export type ToRunner =
  | ToExecution
  /** Answered at once, unless the runner is busy. */
  | { readonly kind: 'ping' };

/** What is for one execution. */
export type ToExecution =
  | {
      readonly kind: 'start';
      readonly handle: number;
      readonly workflowName: string;
      readonly start: ExecutionStart;
      /** A last part of the history follows, if an empty one: it begins once that is there. */
      readonly more: boolean;
    }
  | {
      readonly kind: 'history';
      readonly handle: number;
      readonly entries: readonly HistoryEntry[];
      readonly more: boolean;
    }
  | { readonly kind: 'cancel'; readonly handle: number; readonly request: CancelRequest }
  /** Park it at its next call. */
  | { readonly kind: 'pause'; readonly handle: number }
  /** A child of it has ended. */
  | { readonly kind: 'child'; readonly handle: number; readonly entry: ChildFinished }
  /** Another attempt owns it: end it at once, without a cleanup. */
  | { readonly kind: 'stop'; readonly handle: number }
  /** The oldest `count` events that were not confirmed yet are safe. */
  | { readonly kind: 'confirmed'; readonly handle: number; readonly count: number };

/** Runner → supervisor. */
export type FromRunner =
  /** The next file; when the runner ends now, this file ended it. */
  | { readonly kind: 'loading'; readonly file: string }
  | { readonly kind: 'loaded'; readonly workflows: readonly WorkflowDefinition[] }
  | { readonly kind: 'load_failed'; readonly faults: readonly string[] }
  | { readonly kind: 'pong' }
  /** Time is up for what this worker owns: nothing of it goes on here, and nothing more is told. */
  | { readonly kind: 'overdue' }
  /** In order; after `finished` or `parked` the handle is free. */
  | { readonly kind: 'event'; readonly handle: number; readonly event: CheckpointEvent }
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
  progress: true,
  log: true,
};

/**
 * What of a message is the runner's own. Workflow code and its libraries reach the same channel, and may take whoever
 * listens for their own parent (`process.send('ready')`).
 */
export function fromRunner(message: unknown): readonly FromRunner[] {
  if (!Array.isArray(message)) return [];
  return message.filter((each: { kind?: unknown } | null): each is FromRunner => {
    return typeof each?.kind === 'string' && Object.hasOwn(FROM_RUNNER, each.kind);
  });
}
