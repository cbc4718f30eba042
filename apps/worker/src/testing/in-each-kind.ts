import { workflow, type AnyWorkflow, type ExecutionContext } from '@flux/sdk';

export const KINDS = ['shared', 'process'] as const;

/** A workflow once for each kind of runner, named `name_kind`. */
export function inEachKind<I>(
  name: string,
  body: (ctx: ExecutionContext, input: I) => Promise<unknown>,
): AnyWorkflow[] {
  return KINDS.map((runner) => workflow(`${name}_${runner}`, body, { runner }));
}
