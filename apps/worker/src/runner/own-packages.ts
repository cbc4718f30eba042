const OWN_PACKAGES = ['@flux/sdk', 'zod'];

/** True for an import of a package that workflows may use without having installed it. */
export function isOwnPackage(specifier: string): boolean {
  return OWN_PACKAGES.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}
