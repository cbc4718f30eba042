import type { LastCall } from '../cleanup/last-call.js';
import type { Rollbacks } from '../cleanup/rollbacks.js';
import type { ExecutionHost } from '../host.js';
import type { Parking } from '../parking.js';
import type { Replay } from '../replay/replay.js';
import type { RunToCancel } from '../replay/run-to-cancel.js';
import type { CallNumbers, Scope } from '../scope.js';
import type { ChildEnds } from './child-ends.js';
import type { SharedContext } from './task-call.js';

/** The parts that the calls of an execution share. */
export interface CallEnvironment {
  readonly context: SharedContext;
  readonly host: ExecutionHost;
  readonly replay: Replay;
  readonly rollbacks: Rollbacks;
  /** Present in a run-to-cancel only. */
  runToCancel(): RunToCancel | undefined;
  readonly parking: Parking;
  readonly ends: ChildEnds;
  readonly lastCall: LastCall;
  readonly gate: CallGate;
  isCancelled(): boolean;
  /** Numbers the calls that are made in `scope` now. */
  numbers(scope: Scope): CallNumbers;
}

/** The gate that says when a call may go on. */
export class CallGate {
  readonly #parts: Omit<CallEnvironment, 'gate'>;
  /** Results of the body on their way to the record, oldest first. */
  readonly #unseen = new Set<string>();

  constructor(parts: Omit<CallEnvironment, 'gate'>) {
    this.#parts = parts;
  }

  /** @throws the reason why calls are refused, once they are */
  check(scope: Scope): void {
    this.#parts.host.assertOwned?.();
    scope.check();
  }

  /** Every call, first of all. @throws the reason why calls are refused, once they are */
  enter(scope: Scope): void {
    this.check(scope);
    this.#parts.runToCancel()?.touch();
    this.#parts.replay.enter(scope.isWaiting);
  }

  /** The turn of a call without a record, which comes after all that have one; `undefined`: at once. */
  begin(callId: string, scope: Scope): Promise<void> | undefined {
    const admitted = this.#parts.replay.admit(callId);
    if (!admitted) return this.goOn(scope);
    return admitted.then(() => this.goOn(scope));
  }

  /**
   * The turn of a call that is recorded as begun; `undefined`: at once. A call of a run-to-cancel waits for the
   * signal, which settles no promise of ours. A call in a shield does not wait for it.
   */
  goOn(scope: Scope): Promise<void> | undefined {
    const runToCancel = this.#parts.runToCancel();
    if (!runToCancel || this.#parts.isCancelled()) {
      return scope.shielded ? undefined : this.#parts.parking.gate();
    }
    runToCancel.arrive();
    return scope.shielded ? undefined : new Promise(() => undefined);
  }

  /** The oldest result that is on its way to the record and that the body has not seen yet. */
  get unseen(): string | null {
    const [oldest = null] = this.#unseen;
    return oldest;
  }

  /** Notes such a result until it is safe; the body sees it then. */
  handIn(callId: string, safe: Promise<void>): Promise<void> {
    this.#unseen.add(callId);
    void safe.then(() => this.#unseen.delete(callId));
    return safe;
  }
}
