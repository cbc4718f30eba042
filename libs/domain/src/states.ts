/** The states of an execution; the last three are terminal. */
export const EXECUTION_STATES = [
  'SCHEDULED',
  'RUNNING',
  'PAUSED',
  'SLEEPING',
  'CANCELLING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
] as const;

export type ExecutionState = (typeof EXECUTION_STATES)[number];

const TERMINAL_STATES = ['COMPLETED', 'FAILED', 'CANCELLED'] as const satisfies readonly ExecutionState[];

export type TerminalState = (typeof TERMINAL_STATES)[number];

/** True for COMPLETED, FAILED and CANCELLED: nothing happens to the execution any more. */
export function isTerminal(state: ExecutionState): state is TerminalState {
  return (TERMINAL_STATES as readonly ExecutionState[]).includes(state);
}
