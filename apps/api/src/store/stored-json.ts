import type { Database, Statement } from '../database/database.js';

/** A value that a user sent, or gets. */
export type ValueName = 'input' | 'output';

/** The values of an execution, in the order in which they are answered. */
export const VALUES = ['input', 'output'] as const;

/** A value that nobody parses: its JSON text goes from the database to the caller as it is. */
export class StoredJson {
  /** @param text absent where it is large: it is read by itself, when what comes before it is sent */
  constructor(
    readonly text: string | null,
    readonly bytes: number,
  ) {}
}

/** $1 id. */
const READ_VALUE: Readonly<Record<ValueName, Statement>> = {
  input: { name: 'read_input', text: 'SELECT input::text AS value FROM executions WHERE id = $1::uuid' },
  output: { name: 'read_output', text: 'SELECT output::text AS value FROM executions WHERE id = $1::uuid' },
};

/** The JSON text of a value. */
export async function readValue(database: Database, id: string, name: ValueName): Promise<string> {
  const [row] = await database.query<{ value: string | null }>(READ_VALUE[name], [id]);
  return row?.value ?? 'null';
}
