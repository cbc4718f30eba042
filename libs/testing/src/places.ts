import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The command line's entry. */
export const FLUX = fileURLToPath(new URL('../../../apps/cli/bin/flux.js', import.meta.url));
