import type { WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { Logger } from 'pino';
import type { Database, Statement } from '../database/database.js';

/** Older than this, what is known is looked up again, without keeping anybody waiting. */
const FRESH_MS = 1_000;

export interface KnownWorkflow {
  readonly definition: WorkflowDefinition;
  /** The schema as text: another text is another schema. */
  readonly schemaText: string;
}

/** → WorkflowDefinition of the newest version that a live worker has, else of the newest */
const READ_WORKFLOWS: Statement = {
  name: 'read_workflows',
  text: `
SELECT DISTINCT ON (w.name) w.name AS "workflowName", NULLIF(w.version, '') AS version,
  w.input_schema AS "inputSchema", w.grace_period_ms AS "gracePeriodMs", w.timeout_ms AS "timeoutMs", w.runner,
  COALESCE(w.cancel_on, '[]') AS "cancelOn"
FROM workflows w
ORDER BY w.name, EXISTS (
    SELECT FROM workers k, unnest(k.workflows, k.versions) AS has (name, version)
    WHERE k.state = 'running' AND has.name = w.name AND has.version = w.version
  ) DESC, w.first_registered_at DESC, w.version DESC`,
};

/** The registered workflows, each in its newest version, as memory of the table: a yes may be a second old, a no never is. */
export class WorkflowRegistry {
  readonly #database: Database;
  readonly #logger: Logger;
  #known = new Map<string, KnownWorkflow>();
  #loadedAt = 0;
  #background: Promise<void> | undefined;

  constructor(database: Database, logger: Logger) {
    this.#database = database;
    this.#logger = logger;
  }

  /** @throws FluxError `DATABASE_UNAVAILABLE` when the answer would be no and cannot be checked */
  async find(workflowName: string): Promise<KnownWorkflow | undefined> {
    const known = this.#known.get(workflowName);
    if (!known) return this.refresh(workflowName);
    if (Date.now() - this.#loadedAt > FRESH_MS) this.#refreshInBackground();
    return known;
  }

  /** What the database says now. */
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

  /** Takes over what the table says now. */
  async reload(): Promise<void> {
    const definitions = await this.#database.query<WorkflowDefinition>(READ_WORKFLOWS, []);
    this.#known = new Map(
      definitions.map((definition) => [
        definition.workflowName,
        { definition, schemaText: JSON.stringify(definition.inputSchema) },
      ]),
    );
    this.#loadedAt = Date.now();
  }
}
