import { decideCheckpoint } from './checkpoint.js';
import { decideClaim } from './claim.js';
import { decideDue } from './due.js';
import { decideLoss } from './hand-back.js';
import { decideUndo } from './undo-cancel.js';

/** The decisions of the core; a test may replace one of them, to see that a wrong decision is noticed. */
export const DECISIONS = { decideCheckpoint, decideClaim, decideDue, decideLoss, decideUndo };

export type Decisions = typeof DECISIONS;
