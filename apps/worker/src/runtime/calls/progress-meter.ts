/** Ten a second at most. */
const INTERVAL_MS = 100;

/** Passes on what one task tells of its progress: the first value at once, the last one always. */
export class ProgressMeter {
  readonly #send: (value: unknown) => void;
  #pending: { readonly value: unknown } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(send: (value: unknown) => void) {
    this.#send = send;
  }

  /** Takes a value; one that comes too soon waits, and gives way to a later one. */
  report(value: unknown): void {
    if (this.#closed) return;
    this.#pending = { value };
    if (!this.#timer) this.#flush();
  }

  /** The task has ended: what waits goes out, and nothing more is taken. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#pending) this.#send(this.#pending.value);
  }

  #flush(): void {
    this.#timer = undefined;
    if (!this.#pending) return;
    const { value } = this.#pending;
    this.#pending = undefined;
    this.#timer = setTimeout(() => this.#flush(), INTERVAL_MS);
    this.#send(value);
  }
}
