import type { ChildMessage } from '@flux/contracts';

/** Which ends of children an attempt has heard of, so that the api can tell those again that were lost. */
export class ChildrenHeard {
  readonly #beyond = new Set<number>();
  #upTo: number;

  /** @param upTo the first so many are in its history */
  constructor(upTo: number) {
    this.#upTo = upTo;
  }

  /** So many, counted without a gap. */
  get upTo(): number {
    return this.#upTo;
  }

  add(number: number): void {
    if (number > this.#upTo) this.#beyond.add(number);
    while (this.#beyond.delete(this.#upTo + 1)) this.#upTo += 1;
  }
}

/** Ends that overtook the claim's answer: the parent is about to be ours. */
export class EarlyChildren {
  readonly #messages = new Map<string, readonly ChildMessage[]>();

  keep(message: ChildMessage): void {
    const { executionId } = message;
    this.#messages.set(executionId, [...(this.#messages.get(executionId) ?? []), message]);
  }

  /** Those that were kept for this attempt. */
  of(executionId: string, attempt: number): readonly ChildMessage[] {
    return (this.#messages.get(executionId) ?? []).filter((message) => message.attempt === attempt);
  }

  forget(executionId: string): void {
    this.#messages.delete(executionId);
  }
}
