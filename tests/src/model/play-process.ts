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
  const mutant = MUTANTS[request.mutant];
  if (!mutant) throw new Error(`there is no mutant '${request.mutant}'`);
  if (mutant.edits) register('./mutant-hook.js', import.meta.url, { data: mutant.edits });
}
const inWorld = takeOverTime();
// Code that is to run in a world is loaded only once time is taken over.
const { fulfil } = await import('./fulfil.js');
const report: Report = await fulfil(inWorld, request);
process.stdout.write(JSON.stringify(report));
