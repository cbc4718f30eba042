/** The mark by which a worker finds workflows among a module's exports, whichever copy of the SDK made them. */
export const WORKFLOW = Symbol.for('flux.workflow');

/** The part of a workflow that a call needs: its name, and the types of its input and output. */
export interface WorkflowRef<I, O, A = I> {
  readonly [WORKFLOW]: true;
  readonly name: string;
  readonly body: (ctx: never, input: I) => O | PromiseLike<O>;
  /** A type alone: what callers may pass, before the schema makes the body's input of it. */
  readonly accepts?: (input: A) => void;
}
