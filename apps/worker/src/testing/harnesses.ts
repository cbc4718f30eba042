import { Harness, type HarnessOptions } from './worker-harness.js';

/** The workers of a test file: one that tests share which leave it as it was, and those of a test's own. */
export class Harnesses {
  #usual: Harness | undefined;
  #own: Harness | undefined;

  async usual(): Promise<Harness> {
    this.#usual ??= await Harness.start();
    return this.#usual;
  }

  async own(options?: HarnessOptions): Promise<Harness> {
    this.#own = await Harness.start(options);
    return this.#own;
  }

  /** After each test: the next one meets no other worker than the usual one, and that idle. */
  async clear(): Promise<void> {
    await this.#own?.close();
    this.#own = undefined;
    await this.#usual?.clear();
  }

  async closeUsual(): Promise<void> {
    await this.#usual?.close();
    this.#usual = undefined;
  }
}
