import type { CancelNotice } from '@flux/contracts';

/** Cancels that overtook the claim's answer: the execution is about to be ours, and the cancel must not be lost. */
export class EarlyCancels {
  readonly #notices = new Map<string, { readonly notice: CancelNotice; readonly receivedAt: number }>();

  /** Keeps the latest for each execution. */
  keep(notice: CancelNotice): void {
    this.#notices.set(notice.executionId, { notice, receivedAt: performance.now() });
  }

  /** The cancel kept for this attempt, its remaining time counted from its receipt. */
  take(executionId: string, attempt: number): CancelNotice | undefined {
    const kept = this.#notices.get(executionId);
    if (kept?.notice.attempt !== attempt) return undefined;
    const waitedMs = performance.now() - kept.receivedAt;
    return { ...kept.notice, remainingMs: Math.max(0, kept.notice.remainingMs - waitedMs) };
  }

  forget(executionId: string): void {
    this.#notices.delete(executionId);
  }
}
