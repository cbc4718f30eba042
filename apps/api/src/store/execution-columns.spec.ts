import { expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { RECORD_COLUMNS } from './execution-columns.js';
import { INSERT_EXECUTIONS } from './insert-executions.js';
import { WRITE_CHANGES } from './write-changes.js';

const SNAPSHOT = fileURLToPath(new URL('execution-columns.sql', import.meta.url));

it('the SQL that the table of columns makes is what execution-columns.sql has; UPDATE_SQL=1 writes it anew', async () => {
  const read = `SELECT ${RECORD_COLUMNS}\nFROM executions e`;
  const texts = [read, INSERT_EXECUTIONS.text, WRITE_CHANGES.text];
  const present = texts.map((text) => `${text.trim()};\n`).join('\n');
  if (process.env.UPDATE_SQL) await writeFile(SNAPSHOT, present);
  expect(present).toBe(await readFile(SNAPSHOT, 'utf8'));
});
