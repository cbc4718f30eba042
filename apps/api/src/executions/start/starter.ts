import { isStorable } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { v7 as uuid } from 'uuid';
import { Batcher } from '../../database/batcher.js';
import { isConnectionError } from '../../database/errors.js';
import type { KnownWorkflow, WorkflowRegistry } from '../../fleet/workflow-registry.js';
import type { CoreMetrics } from '../../metrics/core-metrics.js';
import { normalizeId, toResource } from '../execution-resource.js';
import type { ExecutionRecord } from '../execution-row.js';
import type { StartCommand, Started } from '../execution-service.js';
import { cancelKeysOf, keyFaults } from './cancel-keys.js';
import { assertDepth, canonicalJson } from './input-shape.js';
import type { InputFault, InputValidator } from './input-validator.js';
import type { NewExecution } from './insert-values.js';
import type { StartStore } from './start-store.js';

/** No execution lives longer: dates end, and so do timers. */
const LONGEST_TIMEOUT_MS = 100 * 365 * 86_400_000;

/** Starts executions, many per transaction, each once however often it is asked for. */
export class Starter {
  readonly #store: StartStore;
  readonly #registry: WorkflowRegistry;
  readonly #validator: InputValidator;
  readonly #metrics: CoreMetrics;
  readonly #batcher: Batcher<NewExecution, boolean>;

  constructor(
    store: StartStore,
    registry: WorkflowRegistry,
    validator: InputValidator,
    metrics: CoreMetrics,
  ) {
    this.#store = store;
    this.#registry = registry;
    this.#validator = validator;
    this.#metrics = metrics;
    this.#batcher = new Batcher((items) => store.insert(items), {
      maxBatch: 200,
      flights: 2,
      failsAll: isConnectionError,
    });
  }

  async start(command: StartCommand): Promise<Started> {
    const definition = await this.admit(command);
    const wanted = newExecution(command, definition, this.#store.now());
    if (await this.#batcher.run(wanted)) {
      this.#metrics.started.inc();
      return { execution: toResource(wanted.record), created: true };
    }
    const existing = await this.#existing(wanted);
    // What stood in the way is gone again: it was itself refused.
    return existing ? { execution: toResource(existing), created: false } : this.start(command);
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  /**
   * The workflow's definition, when the command may start it.
   * @throws FluxError `WORKFLOW_NOT_FOUND`, `INVALID_INPUT`, `INVALID_REQUEST`
   */
  async admit(
    command: Pick<StartCommand, 'workflowName' | 'input' | 'labels'>,
  ): Promise<KnownWorkflow['definition']> {
    const known = await this.#registry.find(command.workflowName);
    if (!known) {
      throw new FluxError(
        'WORKFLOW_NOT_FOUND',
        `no worker has registered a workflow '${command.workflowName}'`,
      );
    }
    assertLabels(command.labels);
    assertDepth(command.input);
    if (this.#faults(known, command.input).length === 0) return known.definition;
    // A refusal is never based on a definition that may have been replaced.
    const fresh = (await this.#registry.refresh(command.workflowName)) ?? known;
    const errors = this.#faults(fresh, command.input);
    if (errors.length === 0) return fresh.definition;
    const fields = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new FluxError('INVALID_INPUT', `the input does not fit the workflow: ${fields}`, {
      details: { errors },
    });
  }

  #faults(known: KnownWorkflow, input: unknown): InputFault[] {
    return [...this.#validator.check(known, input), ...keyFaults(known.definition, input)];
  }

  /** The execution that has the id or the key already, if it is the same one. */
  async #existing(wanted: NewExecution): Promise<ExecutionRecord | undefined> {
    const { record, idempotencyKey } = wanted;
    const existing = await this.#store.findExisting(record.id, record.workflowName, idempotencyKey);
    if (!existing) return undefined;
    const same =
      existing.workflowName === record.workflowName &&
      (wanted.namedId === undefined || wanted.namedId === existing.id) &&
      canonicalJson(existing.input) === canonicalJson(record.input);
    if (same) return existing;
    const what = existing.id === record.id ? `the id ${record.id}` : 'the Idempotency-Key';
    throw new FluxError(
      'EXECUTION_CONFLICT',
      `${what} belongs to an execution with another workflow, id or input`,
      { details: { executionId: existing.id } },
    );
  }
}

function assertLabels(labels: Readonly<Record<string, string>>): void {
  const errors = Object.entries(labels)
    .filter(([key, value]) => !isStorable(key) || !isStorable(value))
    .map(([key]) => ({ path: `labels.${key}`, message: 'must be valid Unicode without NUL' }));
  if (errors.length > 0) {
    throw new FluxError('INVALID_REQUEST', 'a label cannot be stored', { details: { errors } });
  }
}

/** The execution that a command starts, of a workflow that has admitted it. */
export function newExecution(
  command: StartCommand,
  definition: KnownWorkflow['definition'],
  now: number,
): NewExecution {
  const namedId = command.executionId === undefined ? undefined : normalizeId(command.executionId);
  if (command.executionId !== undefined && namedId === undefined) {
    const errors = [{ path: 'executionId', message: 'must be a UUID' }];
    throw new FluxError('INVALID_REQUEST', 'the execution id is not a UUID', { details: { errors } });
  }
  const timeoutMs = command.timeoutMs ?? definition.timeoutMs;
  const record: ExecutionRecord = {
    id: namedId ?? uuid(),
    workflowName: command.workflowName,
    workflowVersion: null,
    state: 'SCHEDULED',
    version: 1,
    attempt: 0,
    workerId: null,
    claimId: null,
    checkpointSeq: 0,
    lastEventSeq: 1,
    startedAt: null,
    finishedAt: null,
    timeoutAt: timeoutMs === null ? null : now + Math.min(timeoutMs, LONGEST_TIMEOUT_MS),
    gracePeriodMs: definition.gracePeriodMs,
    cancellation: null,
    parking: null,
    parent: null,
    children: null,
    nextDispatchAt: null,
    dispatchCount: 0,
    runnerLosses: 0,
    input: command.input ?? null,
    output: null,
    error: null,
    labels: command.labels,
    parentExecutionId: null,
    rootExecutionId: null,
    createdAt: now,
  };
  const { requestedBy, idempotencyKey } = command;
  const cancelKeys = cancelKeysOf(definition, command.input);
  return { record, namedId, idempotencyKey, requestedBy, cancelKeys };
}
