import type { ResolveHook } from 'node:module';

const IDS = new URL('./simulated-ids.js', import.meta.url).href;

/** Gives who asks for the package `uuid` ids that are the same in every run. */
export const resolve: ResolveHook = (specifier, context, nextResolve) =>
  specifier === 'uuid' ? { url: IDS, format: 'module', shortCircuit: true } : nextResolve(specifier, context);
