/** How to call `flux`: where npm has run it, it may not be on the path, and npx finds it. */
export function invocation(): string {
  return process.env.npm_lifecycle_event ? 'npx flux' : 'flux';
}
