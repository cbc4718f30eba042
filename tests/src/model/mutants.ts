/** A piece of a built file, and what stands there in the mutant. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const api = (file: string, find: string, replace: string): Edit => ({
  file: `apps/api/dist/${file}`,
  find,
  replace,
});
const worker = (file: string, find: string, replace: string): Edit => {
  return { file: `apps/worker/dist/${file}`, find, replace };
};
const domain = (file: string, find: string, replace: string): Edit => {
  return { file: `libs/domain/dist/${file}`, find, replace };
};

/**
 * Flux without one of its rules, each of which the programs find in some hundred. Where two guards stand behind each
 * other for one rule, both are taken out. That a worker obeys a fence is not among them: whatever can be played here, it
 * finds by itself, and earlier, that it owns an execution no more.
 */
export const MUTANTS: Readonly<Record<string, readonly Edit[]>> = {
  'a write does not look what came between': [
    api('testing/memory-database/execution-statements.js', 'row?.version !== change.version', '!row'),
  ],
  'CANCELLED is answered before the cleanup has run': [
    api(
      'executions/cancel/canceller.js',
      'return toResource(reply.record)',
      "return { ...toResource(reply.record), state: 'CANCELLED' }",
    ),
  ],
  'what is cancelled may be claimed': [
    api(
      'claims/decide-claim.js',
      "if (move.kind === 'refuse')",
      "if (move.kind === 'refuse' && row.state !== 'CANCELLED')",
    ),
    api('claims/decide-claim.js', 'state: move.to', "state: move.to ?? 'RUNNING'"),
  ],
  'a body that was signalled and returns is COMPLETED': [
    domain('transitions.js', "fork('signalled', to('CANCELLED'), to(outcome))", 'to(outcome)'),
  ],
  'a lost worker takes the cancel with it': [
    api(
      'fleet/decide-loss.js',
      'dispatched({ ...row, state: move.to }',
      "dispatched({ ...row, state: 'SCHEDULED', cancellation: null }",
    ),
  ],
  'a worker that is cut off does not stop': [
    worker('supervisor/supervisor.js', 'this.#cutOff = true;', 'return;'),
  ],
  'a stale owner may write': [
    api('checkpoints/decide-checkpoint.js', 'row?.attempt !== checkpoint.attempt', '!row'),
    api(
      'checkpoints/decide-checkpoint.js',
      'row.workerId !== workerId || isTerminal(row.state)',
      'isTerminal(row.state)',
    ),
  ],
  'a duplicate of a checkpoint is applied again': [
    api('checkpoints/decide-checkpoint.js', 'checkpoint.seq <= row.checkpointSeq', 'false'),
  ],
  'a cancel that got lost is not sent again': [
    api('sweeper/decide-due.js', 'cancelMessages(row)', '[]'),
    api('fleet/worker-sessions.js', 'row.cancellation?.deliveredAt === null', 'false'),
  ],
  'what a crash left in the outbox stays there': [
    api('dispatch/relay.js', 'taken === SWEEP_BATCH;', 'false;'),
  ],
  'others have it before a worker that is cut off has stopped': [
    domain('ownership.js', 'HAND_OVER_AFTER_MS = 1_300', 'HAND_OVER_AFTER_MS = 0'),
  ],
  'a cancel is taken back after it was delivered': [
    api(
      'executions/execution-row.js',
      'unsent: before !== undefined && row.workerId === null && before.attempt === row.attempt',
      'unsent: row.cancellation != null',
    ),
  ],
  'the deadline of a cleanup is not kept': [
    worker('supervisor/escalation.js', 'void held.runner?.kill();', ''),
  ],
  'an end is told before all that was started has ended': [
    worker('runtime/execution.js', 'await goesOn;', ''),
    worker('runtime/execution.js', 'await this.#inFlight.idle();', ''),
  ],
};
