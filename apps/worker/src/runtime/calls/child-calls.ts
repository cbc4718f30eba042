import type { ChildEnd, ChildLink } from '@flux/contracts';
import {
  ChildCancelledError,
  ChildFailedError,
  isCancelled,
  type ChildHandle,
  type ChildOptions,
} from '@flux/sdk';
import type { Scope } from '../scope.js';
import { decode } from '../values/encoding.js';
import { childWish, type ChildWish } from './child-wish.js';
import type { CallEnvironment } from './environment.js';

/** No task has these names, since names begin with a letter or a digit. */
const CALL = '$call.';
const START = '$start.';

interface Child extends ChildLink {
  readonly callId: string;
  readonly name: string;
}

/** The calls of other workflows, for whose end the execution may give its place back. */
export class ChildCalls {
  readonly #environment: CallEnvironment;
  /** The body gets the end of a child once, however often it asks for it. */
  readonly #joins = new Map<string, Promise<void>>();

  constructor(environment: CallEnvironment) {
    this.#environment = environment;
  }

  /** `ctx.call`. */
  async call(scope: Scope, workflow: unknown, input: unknown, options?: ChildOptions): Promise<unknown> {
    const wish = childWish(true, workflow, input, options, this.#environment.host.maxPayloadBytes);
    const name = `${CALL}${wish.workflowName}`;
    const callId = scope.calls.take(name);
    return this.#environment.parking.call(async () => {
      const { child, safe } = await this.#begin(scope, callId, name, wish);
      if (safe) await this.#untilStopped(scope, child, scope.guard(safe));
      return this.#end(scope, child);
    });
  }

  /** `ctx.start`. @param scopeNow the scope of the code that calls, or asks for the result */
  async start(
    scopeNow: () => Scope,
    workflow: unknown,
    input: unknown,
    options?: ChildOptions,
  ): Promise<ChildHandle<unknown>> {
    const scope = scopeNow();
    const wish = childWish(false, workflow, input, options, this.#environment.host.maxPayloadBytes);
    const name = `${START}${wish.workflowName}`;
    const callId = scope.calls.take(name);
    const { gate, parking, replay } = this.#environment;
    return parking.call(async () => {
      const { child, safe } = await this.#begin(scope, callId, name, wish);
      await scope.guard(safe ?? replay.place(callId));
      const result = (): Promise<unknown> => {
        const asking = scopeNow();
        const output = parking.call(async () => {
          gate.enter(asking);
          return this.#end(asking, child);
        });
        output.catch(() => undefined);
        return output;
      };
      return { executionId: child.executionId, result };
    });
  }

  /** The recorded child of the call, or a new one, which is on its way to the record. */
  async #begin(
    scope: Scope,
    callId: string,
    name: string,
    wish: ChildWish,
  ): Promise<{ readonly child: Child; readonly safe: Promise<void> | undefined }> {
    const { gate, replay, host } = this.#environment;
    gate.enter(scope);
    const recorded = replay.child(callId);
    if (recorded) return { child: { ...recorded, callId, name }, safe: undefined };
    const gateOpens = gate.begin(callId, scope);
    if (gateOpens) await scope.guard(gateOpens);
    scope.check();
    const child = { ...wish, shielded: scope.shielded };
    const safe = host.record({ type: 'child_started', callId, name, child, at: Date.now() });
    return { child: { ...child, callId, name }, safe };
  }

  async #end(scope: Scope, child: Child): Promise<unknown> {
    const { ends, gate, parking, replay } = this.#environment;
    const { callId } = child;
    if (!replay.isJoined(callId)) {
      const gateOpens = gate.goOn(scope);
      if (gateOpens) await this.#untilStopped(scope, child, scope.guard(gateOpens));
      scope.check();
      if (!ends.get(callId)) {
        const arrived = scope.guard(ends.arrived(callId));
        const wait = { callId, name: null, dueAt: null, child: true, drop: () => undefined };
        await this.#untilStopped(
          scope,
          child,
          scope.shielded ? parking.lend(arrived) : parking.wait(wait, arrived),
        );
      }
    }
    await this.#untilStopped(scope, child, scope.guard(this.#joined(callId)));
    return outcome(child, (await ends.arrived(callId)).end);
  }

  /** Resolves when the body may have the end of the child, in its place among the other results. */
  #joined(callId: string): Promise<void> {
    const standing = this.#joins.get(callId);
    if (standing) return standing;
    const joined = this.#join(callId);
    this.#joins.set(callId, joined);
    return joined;
  }

  async #join(callId: string): Promise<void> {
    const { ends, gate, replay, host } = this.#environment;
    if (replay.isJoined(callId)) return replay.place(callId);
    const { name, at } = await ends.arrived(callId);
    await replay.due({ callId, dueAt: at });
    // Always recorded, also without a race: a cleanup that is replayed must know how far the body had come.
    await gate.handIn(callId, host.record({ type: 'child_joined', callId, name, at: Date.now() }));
  }

  /** Settles as `work` does; a cancel comes through once the child has ended, if it is one to wait for. */
  async #untilStopped<T>(scope: Scope, child: Child, work: Promise<T>): Promise<T> {
    const { ends, lastCall, parking } = this.#environment;
    try {
      return await work;
    } catch (error) {
      // A scope that is cancelled by itself takes no child with it, so there is no end to wait for.
      const cancelled = this.#environment.isCancelled() && isCancelled(error);
      const waits = child.onParentCancel === 'wait' && !scope.shielded && cancelled;
      if (waits) await parking.lend(lastCall.wait(ends.arrived(child.callId)));
      throw error;
    }
  }
}

/** The result that the body gets: never nothing for a child that did not complete. */
function outcome(child: Child, end: ChildEnd): unknown {
  switch (end.state) {
    case 'COMPLETED':
      return decode({ json: end.output, types: end.outputTypes });
    case 'FAILED':
      throw new ChildFailedError(child, end.error);
    case 'REFUSED':
      throw new ChildFailedError(child, end.error, true);
    case 'CANCELLED':
      throw new ChildCancelledError(child, end);
  }
}
