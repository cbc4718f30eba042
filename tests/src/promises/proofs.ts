import { cancelledIsProof } from './01-cancelled-is-proof.js';
import { bounded } from './02-bounded.js';
import { busyCodeStops } from './03-busy-code-stops.js';
import { fenced } from './04-fenced.js';
import { durableIntent } from './05-durable-intent.js';
import { syncNeverHangs } from './06-sync-never-hangs.js';
import { racesAreTold } from './07-races-are-told.js';
import { trees } from './08-trees.js';
import { cleanupInEveryState } from './09-cleanup-in-every-state.js';
import { bulkIsAJob } from './10-bulk-is-a-job.js';
import { audit } from './11-audit.js';
import { sizesDecideNothing } from './13-sizes-decide-nothing.js';
import type { Proof } from './proof.js';

/** The promises of Flux, in the order of the documentation. */
export const PROOFS: readonly Proof[] = [
  ...[cancelledIsProof, bounded, busyCodeStops, fenced, durableIntent, syncNeverHangs],
  ...[racesAreTold, trees, cleanupInEveryState, bulkIsAJob, audit, sizesDecideNothing],
];
