import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { lookAround } from './processes.js';

/** What cleans temporary folders takes a file that is older than some days. */
const REFRESH_EVERY_MS = 24 * 3_600_000;

/**
 * The marks of programs that live on, with all that inherits them. A file for each, whose name is the mark, tells the
 * next incarnation of the worker: these programs are not what it left behind.
 */
export class DetachedMarks {
  readonly #folder: string;
  readonly #onFault: (error: unknown) => void;
  readonly #marks = new Set<string>();
  #refresh: NodeJS.Timeout | undefined;

  /**
   * @param onFault hears why a file cannot be written or read; in this life the mark counts all the same
   * @param folder nobody else's: other users could have programs spared
   */
  constructor(
    onFault: (error: unknown) => void,
    folder: string = join(tmpdir(), `flux-detached-${userInfo().uid}`),
  ) {
    this.#onFault = onFault;
    this.#folder = folder;
  }

  get isEmpty(): boolean {
    return this.#marks.size === 0;
  }

  has(mark: string): boolean {
    return this.#marks.has(mark);
  }

  add(mark: string): void {
    this.#marks.add(mark);
    this.keep(mark);
    this.#keepFresh();
  }

  /** Writes the file alone, for an incarnation that may be gone before it can. */
  keep(mark: string): void {
    this.#write([mark]);
  }

  /** Takes over the marks that earlier incarnations have left, of those that are `wanted`. */
  restore(wanted: (mark: string) => boolean): readonly string[] {
    const marks = this.#read().filter(wanted);
    for (const mark of marks) this.#marks.add(mark);
    if (marks.length > 0) this.#keepFresh();
    return marks;
  }

  /** Forgets those of `marks` whose program is gone, with all that inherited from it. */
  forgetGone(marks: Iterable<string> = this.#marks): void {
    const wanted = [...marks];
    if (wanted.length === 0) return;
    const carried = new Set(lookAround(0).flatMap((each) => each.marks));
    for (const mark of wanted) {
      if (carried.has(mark)) continue;
      this.#marks.delete(mark);
      rmSync(join(this.#folder, mark), { force: true });
    }
  }

  close(): void {
    clearInterval(this.#refresh);
  }

  #write(marks: Iterable<string>): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      this.#assertOwn();
      for (const mark of marks) writeFileSync(join(this.#folder, mark), '');
    } catch (error) {
      this.#onFault(error);
    }
  }

  #read(): string[] {
    try {
      this.#assertOwn();
      return readdirSync(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#onFault(error);
      return [];
    }
  }

  #assertOwn(): void {
    const { uid, mode } = lstatSync(this.#folder);
    if (uid !== userInfo().uid || (mode & 0o022) !== 0)
      throw new Error(`the folder ${this.#folder} can be written by other users`);
  }

  #keepFresh(): void {
    this.#refresh ??= setInterval(() => this.#write(this.#marks), REFRESH_EVERY_MS).unref();
  }
}
