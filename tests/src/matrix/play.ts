import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventResource, ExecutionResource } from '@flux/contracts';
import { until } from '@flux/testing';
import type { Answer, Rest } from '../support/rest.js';

/** Generous: a test that waits for an event ends as soon as it comes. */
const PATIENCE_MS = 60_000;

/** A note of an execution's code: when, in which attempt, what. */
export interface Mark {
  readonly at: number;
  readonly attempt: number;
  readonly what: string;
}

/** The course that an execution took. */
export interface Played {
  readonly play: Play;
  readonly execution: ExecutionResource;
  readonly history: readonly EventResource[];
  /** Whether it lost its owner for want of time, on a machine that is too busy for it again and again. */
  readonly lost?: boolean | undefined;
}

/** An execution on the stage: where it stands, what its code has done, and the gates it waits at. */
export class Play {
  readonly #path: string;
  #child: Play | undefined;
  readonly answers: Answer[] = [];

  constructor(
    private readonly rest: Rest,
    private readonly folder: string,
    readonly workflowName: string,
    readonly executionId: string = randomUUID(),
  ) {
    this.#path = join(folder, this.executionId);
  }

  /** The child that its code may start. */
  get child(): Play {
    return (this.#child ??= new Play(this.rest, this.folder, this.workflowName));
  }

  start(moment: string, cleanupWaits = false): Promise<ExecutionResource> {
    const { workflowName, executionId } = this.child;
    const input = { folder: this.folder, moment, cleanupWaits, child: { workflowName, executionId } };
    return this.rest.start(this.workflowName, input, { executionId: this.executionId });
  }

  marks(): Mark[] {
    let text = '';
    try {
      text = readFileSync(`${this.#path}.marks`, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [at = '', attempt = '', ...words] = line.split(' ');
        return { at: Number(at), attempt: Number(attempt), what: words.join(' ') };
      });
  }

  /** Resolves once its code has noted all of `what`. */
  async marked(...what: string[]): Promise<void> {
    const found = (): boolean => what.every((one) => this.marks().some((mark) => mark.what === one));
    await until(`the marks ${what.join(', ')} of ${this.#path}`, found, PATIENCE_MS, 10);
  }

  open(gate: string): void {
    writeFileSync(`${this.#path}.${gate}`, '');
  }

  state(...states: ExecutionResource['state'][]): Promise<ExecutionResource> {
    return this.rest.until(this, ({ state }) => states.includes(state));
  }

  /** Resolves once its history has an event of the type. */
  event(type: string): Promise<EventResource[]> {
    const has = (events: readonly EventResource[]): boolean => events.some((event) => event.type === type);
    return this.rest.untilHistory(this, has);
  }

  async post(action: 'cancel' | 'pause' | 'resume', body: unknown = {}): Promise<Answer> {
    const path = `/workflows/${this.workflowName}/executions/${this.executionId}/${action}`;
    return this.rest.request('POST', path, { body, headers: { 'flux-actor': 'script:matrix' } });
  }

  async cancel(request: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    const answer = await this.post('cancel', request);
    this.answers.push(answer);
    return answer;
  }

  /** False for the child of one that was dismissed before it came to start it. */
  async began(): Promise<boolean> {
    const path = `/workflows/${this.workflowName}/executions/${this.executionId}`;
    return (await this.rest.request('GET', path)).status !== 404;
  }

  status(): Promise<ExecutionResource> {
    return this.rest.status(this.workflowName, this.executionId);
  }

  history(): Promise<EventResource[]> {
    return this.rest.history(this);
  }

  /** Resolves with how it ended. */
  async played(): Promise<Played> {
    const execution = await this.rest.end(this);
    return { play: this, execution, history: await this.history() };
  }

  /** Resolves once a cancel of the execution was answered. */
  async answered(): Promise<void> {
    await until('the answer of the cancel', () => this.answers.length > 0, PATIENCE_MS, 5);
  }

  /** The number of times that an owner was lost, or gave the execution back; the child's too. */
  async losses(): Promise<number> {
    const child = (await this.#child?.began()) ? await this.child.history() : [];
    const types = [...(await this.history()), ...child].map(({ type }) => type);
    return types.filter((type) => type === 'worker_lost' || type === 'execution_handed_back').length;
  }

  /** Ends the execution, whatever it waits for, and its child. */
  async dismiss(): Promise<void> {
    for (const gate of ['go', 'tidy']) this.open(gate);
    await this.cancel({ force: true });
    await this.played();
    if (await this.#child?.began()) await this.child.dismiss();
  }
}
