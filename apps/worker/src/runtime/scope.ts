import type { InFlight } from '../flow/in-flight.js';

/** Numbers of `ctx.scope`s, from the outermost inwards, then the call's own; `cut` once the scope was cut off. */
const BODY_CALL = /#(?:\d+\.(?:cut\.)?)*\d+$/;

/** Whether the body made the call, as opposed to what runs after a cancel, whose numbers have a prefix. */
export function isBodyCall(callId: string): boolean {
  return BODY_CALL.test(callId);
}

/** Numbers calls by name: `name#0`, `name#1`, … in the order they are made. */
export class CallNumbers {
  readonly #prefix: string;
  readonly #next = new Map<string, number>();

  /** @param prefix keeps the calls of one part of an execution apart from those of the others */
  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  take(name: string): string {
    const number = this.#next.get(name) ?? 0;
    this.#next.set(name, number + 1);
    return `${name}#${this.#prefix}${number}`;
  }
}

/**
 * A part of an execution that is cut off as a whole: the body, a shield, a cancel handler, a `ctx.scope`. It has an
 * AbortController of its own, and every wait of its calls goes through {@link Scope.guard}.
 */
export class Scope {
  /** The execution that owns the scope: user code may reach into another execution's asynchronous context. */
  readonly owner: object;
  readonly calls: CallNumbers;
  /** Whether the scope is out of the cancel's reach. */
  readonly shielded: boolean;
  /** The code that runs in the scope. */
  readonly inFlight: InFlight;
  readonly #controller = new AbortController();
  readonly #waits = new Set<(reason: Error) => void>();
  readonly #followers = new Set<AbortController>();
  /** The `ctx.scope`s in it that have not ended. */
  readonly #inner = new Map<Scope, Promise<unknown>>();
  #refusal: Error | undefined;
  #abortion: Error | undefined;
  #isCut = false;

  constructor({
    owner,
    calls,
    shielded,
    inFlight,
  }: Pick<Scope, 'owner' | 'calls' | 'shielded' | 'inFlight'>) {
    this.owner = owner;
    this.calls = calls;
    this.shielded = shielded;
    this.inFlight = inFlight;
  }

  /** The prefix by which the calls that are made in it now are numbered. */
  numbers(_isCancelled: boolean): CallNumbers {
    return this.calls;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why new calls are refused, once they are. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /** Whether some call of this scope has not come back yet. */
  get isWaiting(): boolean {
    return this.#waits.size > 0 || this.#inner.size > 0;
  }

  /** True when the scope was cut off by itself, or by one around it, while the execution goes on. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Resolves when nothing that was started in it goes on, the scopes in it included; `undefined`: nothing does. */
  settled(): Promise<void> | undefined {
    return this.inFlight.count > 0 || this.#inner.size > 0 ? this.#settle() : undefined;
  }

  async #settle(): Promise<void> {
    while (this.inFlight.count > 0 || this.#inner.size > 0) {
      await this.inFlight.idle();
      await Promise.allSettled(this.#inner.values());
    }
  }

  /** Counts `inner` as part of this one, and aborts it with this one, until `ended` settles. */
  adopt(inner: Scope, ended: Promise<unknown>): void {
    this.#inner.set(inner, ended);
    const forget = (): void => void this.#inner.delete(inner);
    ended.then(forget, forget);
  }

  /** @throws the reason why new calls are refused, once they are */
  check(): void {
    if (this.#refusal) throw this.#refusal;
  }

  /**
   * Aborts the signal and rejects every wait with `reason`, in the scopes in it too; only the first time counts. What
   * was cut off refuses calls with `reason` from now on.
   */
  abort(reason: Error): void {
    if (this.#isCut) this.#refusal = reason;
    if (!this.#abortion) this.#abort(reason);
    for (const inner of this.#inner.keys()) inner.abort(reason);
  }

  /** Aborts it while the execution goes on. */
  cut(reason: Error): void {
    if (this.#abortion) return;
    this.#isCut = true;
    this.#abort(reason);
    for (const inner of this.#inner.keys()) inner.cut(reason);
  }

  #abort(reason: Error): void {
    this.#refusal = reason;
    this.#abortion = reason;
    this.#controller.abort(reason);
    for (const follower of this.#followers) follower.abort(reason);
    for (const reject of this.#waits) reject(reason);
    this.#waits.clear();
  }

  /**
   * Runs `fn` with a controller that aborts with this scope until what `fn` returns has settled. An AbortSignal walks all
   * its listeners for each one that comes or goes, which thousands of calls at once would pay for.
   */
  async follow<T>(fn: (controller: AbortController) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    if (this.#abortion) controller.abort(this.#abortion);
    this.#followers.add(controller);
    try {
      return await fn(controller);
    } finally {
      this.#followers.delete(controller);
    }
  }

  /** Refuses new calls from now on, without a signal. */
  close(reason: Error): void {
    this.#refusal ??= reason;
  }

  /** Settles as `work` does, or rejects with the abort's reason if that comes first. */
  guard<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#abortion) {
        reject(this.#abortion);
        work.catch(() => undefined);
        return;
      }
      this.#waits.add(reject);
      void work.then(resolve, reject).then(() => this.#waits.delete(reject));
    });
  }
}
