const BODY_CALL = /#\d+$/;

/** Whether the body made the call, as opposed to what runs after a cancel, whose numbers have a prefix. */
export function isBodyCall(callId: string): boolean {
  return BODY_CALL.test(callId);
}

/** Numbers calls by name: `name#0`, `name#1`, … in the order they are made. */
export class CallNumbers {
  readonly #next = new Map<string, number>();

  /** @param prefix keeps the calls of one part of an execution apart from those of the others */
  constructor(private readonly prefix = '') {}

  take(name: string): string {
    const number = this.#next.get(name) ?? 0;
    this.#next.set(name, number + 1);
    return `${name}#${this.prefix}${number}`;
  }
}

/**
 * A part of an execution that is cut off as a whole: the body, a shield, a cancel handler. It has an
 * AbortController of its own, and every wait of its calls goes through {@link Scope.guard}.
 */
export class Scope {
  readonly #controller = new AbortController();
  readonly #waits = new Set<(reason: Error) => void>();
  #refusal: Error | undefined;
  #abortion: Error | undefined;

  constructor(
    /** Whose scope it is: user code may reach into another execution's asynchronous context. */
    readonly owner: object,
    readonly calls: CallNumbers,
    /** Out of the cancel's reach. */
    readonly shielded: boolean,
  ) {}

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why new calls are refused, once they are. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /** Some call of this scope has not come back yet. */
  get isWaiting(): boolean {
    return this.#waits.size > 0;
  }

  /** @throws the reason why new calls are refused, once they are */
  check(): void {
    if (this.#refusal) throw this.#refusal;
  }

  /** Aborts the signal and rejects every wait with `reason`; only the first time counts. */
  abort(reason: Error): void {
    if (this.#abortion) return;
    this.#refusal = reason;
    this.#abortion = reason;
    this.#controller.abort(reason);
    for (const reject of this.#waits) reject(reason);
    this.#waits.clear();
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
