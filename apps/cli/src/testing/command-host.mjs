/**
 * Runs built `flux` commands one after the other, each with streams, environment and exit code of its own: loading
 * the program costs far more than a command does. What needs a real process has one, see `flux.ts`.
 */
import { Readable } from 'node:stream';
import { main } from '../../bundle/flux.js';

const binary = new URL('../../bin/flux.js', import.meta.url).href;

process.on('message', async ({ args, env, stdin }) => {
  const written = { stdout: '', stderr: '' };
  for (const name of Object.keys(written)) {
    process[name].write = (chunk) => {
      written[name] += chunk;
      return true;
    };
  }
  Object.defineProperty(process, 'stdin', { value: Readable.from([stdin]), configurable: true });
  process.env = env;
  process.exitCode = undefined;
  await main(args, binary);
  const code = process.exitCode ?? 0;
  process.exitCode = undefined;
  for (const name of Object.keys(written)) process[name].removeAllListeners('error');
  process.send({ code, ...written });
});
