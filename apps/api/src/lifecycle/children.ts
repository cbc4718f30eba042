import type { Children, ExecutionRow, ParentLink } from './execution.js';

const NONE: Children = { open: 0, awaited: 0, finished: 0, endedBody: null };

export function childrenOf(row: ExecutionRow): Children {
  return row.children ?? NONE;
}

/** The row with what it knows of its children changed. */
export function withChildren<Row extends ExecutionRow>(row: Row, changes: Partial<Children>): Row {
  return { ...row, children: { ...childrenOf(row), ...changes } };
}

/** Whether a cancel of its parent ends only after this child. */
export function isAwaited({ onParentCancel, shielded }: ParentLink): boolean {
  return onParentCancel === 'wait' && !shielded;
}
