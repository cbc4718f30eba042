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

/** Flux without one of its rules, each of which the programs find in some hundred. */
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
};
