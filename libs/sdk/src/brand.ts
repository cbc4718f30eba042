/**
 * Has `instanceof` know the instances that any copy of the SDK in a process has made: a tree of files with a copy of its
 * own is given errors by the worker's. Subclasses are told apart as usual.
 * @param name the same one in each version of the SDK
 */
export function brand(type: abstract new (...args: never[]) => object, name: string): void {
  const mark = Symbol.for(`flux.${name}`);
  Object.defineProperty(type.prototype, mark, { value: true });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this, value);
      return hasBrand(value, name);
    },
  });
}

/** Whether any copy of the SDK made `value` an instance of the class with that brand. */
export function hasBrand(value: unknown, name: string): boolean {
  const mark = Symbol.for(`flux.${name}`);
  try {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[mark] === true;
  } catch {
    // A proxy may throw at any look.
    return false;
  }
}
