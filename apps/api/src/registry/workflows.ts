import type { WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { Logger } from 'pino';
import type { WorkflowStore } from '../store/ports.js';

/** The age at which a known workflow is looked up again, without keeping anybody waiting. */
const FRESH_MS = 1_000;

export interface KnownWorkflow {
  readonly definition: WorkflowDefinition;
  /** The schema as text: another text is another schema. */
  readonly schemaText: string;
}

/** The registered workflows, each in its newest version, as memory of the table: a yes may be a second old, a no never is. */
export class WorkflowRegistry {
  readonly #store: WorkflowStore;
  readonly #logger: Logger;
  #known = new Map<string, KnownWorkflow>();
  #loadedAt = 0;
  #background: Promise<void> | undefined;

  constructor(store: WorkflowStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** @throws FluxError `DATABASE_UNAVAILABLE` when the answer would be no and cannot be checked */
  async find(workflowName: string): Promise<KnownWorkflow | undefined> {
    const known = this.#known.get(workflowName);
    if (!known) return this.refresh(workflowName);
    if (Date.now() - this.#loadedAt > FRESH_MS) this.#refreshInBackground();
    return known;
  }

  /** The workflow as the database has it now. */
  async refresh(workflowName: string): Promise<KnownWorkflow | undefined> {
    await this.reload();
    return this.#known.get(workflowName);
  }

  async idle(): Promise<void> {
    await this.#background;
  }

  #refreshInBackground(): void {
    this.#background ??= this.reload()
      .catch((error: unknown) => {
        const down = error instanceof FluxError && error.code === 'DATABASE_UNAVAILABLE';
        if (!down) this.#logger.error({ err: error }, 'the workflows cannot be read');
      })
      .finally(() => (this.#background = undefined));
  }

  /** Takes over the table as it is now. */
  async reload(): Promise<void> {
    const definitions = await this.#store.readNewest();
    this.#known = new Map(
      definitions.map((definition) => [
        definition.workflowName,
        { definition, schemaText: JSON.stringify(definition.inputSchema) },
      ]),
    );
    this.#loadedAt = Date.now();
  }
}
