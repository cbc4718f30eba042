/**
 * Plays programs in a process of its own, whose clocks and timers it takes over; asked by its one argument, and answered
 * on its standard output, as JSON both. `spread.ts` starts it.
 */
import { register } from 'node:module';
import { MUTANTS } from './mutants.js';
import type { Report, Request } from './report.js';
import { takeOverTime } from './virtual-time.js';

const request = JSON.parse(process.argv[2] ?? '') as Request;
if (request.mutant !== undefined) {
  const edits = MUTANTS[request.mutant];
  if (!edits) throw new Error(`there is no mutant '${request.mutant}'`);
  register('./mutant-hook.js', import.meta.url, { data: edits });
}
const inWorld = takeOverTime();
// What is to run in a world is loaded after that.
const { fulfil } = await import('./fulfil.js');
const report: Report = await fulfil(inWorld, request);
process.stdout.write(JSON.stringify(report));
