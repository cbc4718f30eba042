import type { WorkflowDefinition } from '@flux/contracts';
import type { AnyWorkflow } from '@flux/sdk';
import {
  MessageBatch,
  RunnerExecutions,
  RunnerPrograms,
  type Carrier,
  type CarrierListener,
  type CarrierParts,
  type FromRunner,
  type ToRunner,
} from '@flux/worker/testing';
import type { EventLoop } from './event-loop.js';
import type { Lane, World } from './world.js';

/** A runner's process: the real runner with an event loop of its own, which can be ended at any step. */
export class SimulatedRunner implements Carrier {
  readonly loop: EventLoop;
  readonly #world: World;
  readonly #listener: CarrierListener;
  readonly #inbox: Lane;
  readonly #deaths: Lane;
  readonly #news: Lane;
  #executions: RunnerExecutions | undefined;
  #dying = false;

  constructor(world: World, supervisor: EventLoop, listener: CarrierListener) {
    this.loop = world.loop(`${supervisor.name} runner`, true);
    this.#world = world;
    this.#listener = listener;
    this.#inbox = world.lane(this.loop);
    this.#deaths = world.lane(undefined);
    this.#news = world.lane(supervisor);
  }

  begin({ data, clock }: CarrierParts, workflow: AnyWorkflow, definition: WorkflowDefinition): void {
    this.#inbox.post(() => {
      const outbox = new MessageBatch<FromRunner>((messages) => {
        const copy = structuredClone(messages);
        this.#news.post(() => this.#listener.onMessage(copy));
      });
      const workflows = new Map([[workflow.name, workflow]]);
      this.#executions = new RunnerExecutions({
        programs: new RunnerPrograms(data, outbox),
        workflows,
        outbox,
        maxPayloadBytes: data.maxPayloadBytes,
        clock,
        whereabouts: undefined,
      });
      outbox.push({ kind: 'loaded', workflows: [definition] });
    });
  }

  post(messages: readonly ToRunner[]): void {
    const copy = structuredClone(messages);
    this.#inbox.post(() => {
      for (const message of copy) this.#executions?.handle(message);
    });
  }

  /** Nobody looks: no code here keeps its event loop. */
  ask(): void {
    return undefined;
  }

  /** A process is not dead at once. */
  kill(): void {
    this.die(undefined);
  }

  die(error: Error | undefined): void {
    if (this.#dying) return;
    this.#dying = true;
    this.#deaths.post(() => {
      this.#world.kill(this.loop);
      this.#news.post(() => this.#listener.onDeath(error));
    });
  }
}
