/** The process's environment, in which `overrides` come first, undefined ones not at all. */
export function environmentWith(overrides: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  return { ...process.env, ...Object.fromEntries(given) };
}
