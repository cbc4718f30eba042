import type { ExecutionResource } from '@flux/contracts';
import { FluxError, type ErrorCode } from '@flux/domain';
import type { ExecutionRecord, Gate } from '../lifecycle/execution.js';
import { decidePause, decideResume, type PauseDecision, type ResumeDecision } from '../lifecycle/pause.js';
import type { PauseCommand, ResumeCommand, Resumed } from './execution-service.js';
import type { VerbParts } from './parts.js';
import { Requests, type RequestParts } from './requests.js';
import { toResource } from './resource.js';

type ParkingRequest =
  | ({ readonly wish: 'pause' } & PauseCommand)
  | ({ readonly wish: 'resume'; readonly bytes: number } & ResumeCommand);

/** An execution, where resumes name pauses with those that are over. */
interface Gated extends ExecutionRecord {
  readonly gates?: readonly Gate[];
}

const REFUSALS = {
  finished: 'EXECUTION_ALREADY_FINISHED',
  cancelling: 'EXECUTION_CANCELLING',
  passed: 'PAUSE_PASSED',
  unnamed: 'PAUSE_NOT_NAMED',
  full: 'TOO_MANY_RESUMES',
} as const satisfies Record<string, ErrorCode>;

class ParkingRequests extends Requests<ParkingRequest, PauseDecision<Gated> | ResumeDecision<Gated>, Gated> {
  constructor(parts: RequestParts<Gated>) {
    super(parts, (record, request, now) =>
      request.wish === 'pause'
        ? decidePause(record, request, now)
        : decideResume(record, { ...request, value: request.input }, now, record.gates),
    );
  }

  async ask(request: ParkingRequest): Promise<Resumed> {
    const { decision, record } = await this.decide(request);
    if (decision.kind === 'accepted') {
      return { execution: toResource(record), kept: 'kept' in decision && decision.kept };
    }
    const { kind, state } = decision;
    const message = `execution ${request.executionId} is ${state} and cannot be ${request.wish}d`;
    throw new FluxError(REFUSALS[kind], message, { details: { state } });
  }
}

/** Takes requests to pause and to resume. */
export class Pauser {
  readonly #unnamed: ParkingRequests;
  readonly #named: ParkingRequests;

  constructor({ stores, store, writer }: Pick<VerbParts, 'stores' | 'store' | 'writer'>) {
    this.#unnamed = new ParkingRequests({ writer, read: (ids) => store.readAnswers(ids) });
    const readGated = async (ids: readonly string[]): Promise<Gated[]> => {
      const records = await store.readAnswers(ids);
      // Read after the rows: a pause that has been passed since has changed its row, and this write fails.
      const gates = await stores.histories.readPassedGates(ids);
      return records.map((record) => ({ ...record, gates: gates.get(record.id) ?? [] }));
    };
    this.#named = new ParkingRequests({ writer, read: readGated });
  }

  /** Resolves once the request is durable, with the execution as that transaction left it. */
  async pause(command: PauseCommand): Promise<ExecutionResource> {
    return (await this.#unnamed.ask({ wish: 'pause', ...command })).execution;
  }

  /** Resolves once the resume is durable, with the execution as that transaction left it. */
  async resume(command: ResumeCommand): Promise<Resumed> {
    const requests = command.pause === undefined ? this.#unnamed : this.#named;
    const bytes = Buffer.byteLength(JSON.stringify(command.input));
    return requests.ask({ wish: 'resume', bytes, ...command });
  }

  async idle(): Promise<void> {
    await Promise.all([this.#unnamed.idle(), this.#named.idle()]);
  }
}
