/** Runs the scripts of `findings/`, or those whose names are given: a line each, and 1 if one has ended otherwise than well. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../findings/', import.meta.url));

const all = readdirSync(FOLDER).filter((file) => file.endsWith('.sh'));
const asked = process.argv.slice(2).map((name) => name.replace(/(\.sh)?$/, '.sh'));
const unknown = asked.filter((file) => !all.includes(file));
if (unknown.length > 0) throw new Error(`no such finding: ${unknown.join(', ')}`);

for (const file of asked.length > 0 ? asked : all) {
  const { status, stdout, stderr } = spawnSync('bash', [join(FOLDER, file)], { encoding: 'utf8' });
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  const skipped = last.endsWith('not run here');
  const said = status === 0 ? (skipped ? `skipped: ${last}` : 'as described') : 'CHANGED or failed';
  console.log(`${file.replace(/\.sh$/, '')}: ${said}`);
  if (status === 0) continue;
  process.exitCode = 1;
  console.log(`${stdout}${stderr}`.replace(/^/gm, '  '));
}
