import { isStorable, type ValueTypes, type WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import stableStringify from 'safe-stable-stringify';
import { Batcher } from '../flow/batcher.js';
import type { NewExecution } from '../lifecycle/change.js';
import type { ExecutionRecord } from '../lifecycle/execution.js';
import { keyFaults, newExecution, type InputFault, type StartCommand } from '../lifecycle/start.js';
import type { KnownWorkflow } from '../registry/workflows.js';
import { createExecutions } from '../store/create-executions.js';
import type { Started } from './execution-service.js';
import { REQUEST_BATCHES, type VerbParts } from './parts.js';
import { toResource } from './resource.js';
import { assertDepth, type InputValidator } from './start-input.js';

type StarterParts = Pick<VerbParts, 'store' | 'registry' | 'relay' | 'metrics'> & {
  readonly validator: InputValidator;
};

type Admitted = Pick<StartCommand, 'workflowName' | 'input' | 'labels'> & {
  readonly inputTypes?: ValueTypes | undefined;
};

/** Starts executions, many per transaction, each once however often it is asked for. */
export class Starter {
  readonly #parts: StarterParts;
  readonly #batcher: Batcher<NewExecution, boolean>;

  constructor(parts: StarterParts) {
    this.#parts = parts;
    this.#batcher = new Batcher((items) => this.#create(items), REQUEST_BATCHES);
  }

  async start(command: StartCommand): Promise<Started> {
    const definition = await this.admit(command);
    const wanted = newExecution(command, definition, this.#parts.store.now());
    if (await this.#batcher.run(wanted)) {
      this.#parts.metrics.started.inc();
      return { execution: toResource(wanted.record), created: true };
    }
    const existing = await this.#existing(wanted, command.timeoutMs);
    // The execution that stood in the way is gone again: its own start was refused.
    return existing ? { execution: toResource(existing), created: false } : this.start(command);
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  /**
   * The workflow's definition, when the command may start it.
   * @param patterns whether patterns of the schema are looked at, which may take as long as the time limit
   * @throws FluxError `WORKFLOW_NOT_FOUND`, `INVALID_INPUT`, `INPUT_CHECK_TOO_SLOW`, `INVALID_REQUEST`
   */
  async admit(command: Admitted, patterns = true): Promise<WorkflowDefinition> {
    const known = await this.#parts.registry.find(command.workflowName);
    if (!known) {
      throw new FluxError(
        'WORKFLOW_NOT_FOUND',
        `no worker has registered a workflow '${command.workflowName}'`,
      );
    }
    assertLabels(command.labels);
    assertDepth(command.input);
    if ((await this.#faults(known, command, patterns)).length === 0) return known.definition;
    // A refusal is never based on a definition that may have been replaced.
    const fresh = (await this.#parts.registry.refresh(command.workflowName)) ?? known;
    const errors = await this.#faults(fresh, command, patterns);
    if (errors.length === 0) return fresh.definition;
    const fields = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new FluxError('INVALID_INPUT', `the input does not fit the workflow: ${fields}`, {
      details: { errors },
    });
  }

  async #create(items: readonly NewExecution[]): Promise<readonly boolean[]> {
    const { store, relay } = this.#parts;
    const { created, outbox } = await createExecutions(items, (starts) => store.insert(starts));
    relay.publish(outbox);
    return created;
  }

  /** Whether an input of more than JSON fits, its worker alone can tell. */
  async #faults(
    known: KnownWorkflow,
    { input, inputTypes }: Admitted,
    patterns: boolean,
  ): Promise<InputFault[]> {
    const faults = inputTypes ? [] : await this.#parts.validator.check(known, input, patterns);
    return [...faults, ...keyFaults(known.definition, input)];
  }

  /**
   * The execution that has the id or the key already, if it is the same one.
   * @param timeoutMs as the request names it; one that names none asks for no other timeout
   */
  async #existing(wanted: NewExecution, timeoutMs: number | undefined): Promise<ExecutionRecord | undefined> {
    const { record, idempotencyKey } = wanted;
    const existing = await this.#inTheWay(record, idempotencyKey);
    if (!existing) return undefined;
    const isSame = {
      workflow: existing.workflowName === record.workflowName,
      id: wanted.namedId === undefined || wanted.namedId === existing.id,
      input: stableStringify(existing.input) === stableStringify(record.input),
      labels: stableStringify(existing.labels) === stableStringify(record.labels),
      timeout: timeoutMs === undefined || lifetimeOf(existing) === lifetimeOf(record),
    };
    const others = Object.entries(isSame).flatMap(([name, same]) => (same ? [] : [name]));
    if (others.length === 0) return existing;
    const what = existing.id === record.id ? `the id ${record.id}` : 'the Idempotency-Key';
    throw new FluxError(
      'EXECUTION_CONFLICT',
      `${what} belongs to an execution with another ${others.join(' and ')}`,
      { details: { executionId: existing.id } },
    );
  }

  async #inTheWay(
    { id, workflowName }: ExecutionRecord,
    idempotencyKey: string | undefined,
  ): Promise<ExecutionRecord | undefined> {
    const { store } = this.#parts;
    const [byId] = await store.readRecords([id]);
    if (byId || idempotencyKey === undefined) return byId;
    const keyed = await store.findByKey(workflowName, idempotencyKey);
    return keyed === undefined ? undefined : (await store.readRecords([keyed]))[0];
  }
}

/** Milliseconds from the start to the timeout; `null` without one. */
function lifetimeOf({ createdAt, timeoutAt }: ExecutionRecord): number | null {
  return timeoutAt === null ? null : Math.round(timeoutAt - createdAt);
}

function assertLabels(labels: Readonly<Record<string, string>>): void {
  const errors = Object.entries(labels)
    .filter(([key, value]) => !isStorable(key) || !isStorable(value))
    .map(([key]) => ({ path: `labels.${key}`, message: 'must be valid Unicode without NUL' }));
  if (errors.length > 0) {
    throw new FluxError('INVALID_REQUEST', 'a label cannot be stored', { details: { errors } });
  }
}
