import type { Duplex } from 'node:stream';
import { ASK, Words, type GuardWord } from '../../wire/guard.js';
import type { OwnershipClock } from '../../wire/ownership-clock.js';

const RENEW_EVERY_MS = 50;

export interface GuardLineParts {
  readonly stream: Duplex;
  readonly clock: OwnershipClock | undefined;
  onWord(word: GuardWord, handle: number): void;
}

/** A supervisor's line to the guard of a runner: tells it until when this worker owns its executions. */
export class GuardLine {
  readonly #stream: Duplex;
  readonly #clock: OwnershipClock | undefined;
  readonly #renewal: NodeJS.Timeout;
  #told: bigint | undefined;

  constructor(parts: GuardLineParts) {
    const { stream, clock } = parts;
    this.#stream = stream;
    this.#clock = clock;
    const words = new Words();
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      for (const line of words.hear(text)) {
        const [word, handle] = line.split(' ');
        parts.onWord(word as GuardWord, Number(handle));
      }
    });
    // A broken line is the runner's end.
    stream.on('error', () => undefined);
    this.#renewal = setInterval(() => this.#renew(), RENEW_EVERY_MS);
    this.#renew();
  }

  ask(): void {
    this.#write(ASK);
  }

  close(): void {
    clearInterval(this.#renewal);
  }

  #renew(): void {
    const until = this.#clock?.until;
    if (until === undefined || until === this.#told) return;
    this.#told = until;
    this.#write(String(until));
  }

  #write(word: string): void {
    if (this.#stream.writable) this.#stream.write(`${word}\n`);
  }
}
