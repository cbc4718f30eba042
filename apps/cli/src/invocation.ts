/** How to call `flux`: in the repository it is not on the path, and npx finds it. */
export function invocation(): string {
  const { npm_command: command } = process.env;
  return command === 'exec' || command === 'start' ? 'npx flux' : 'flux';
}
