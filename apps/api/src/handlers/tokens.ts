/** Injection token of the core. */
export const CORE = Symbol('Core');
