/**
 * Writes what stands in the repository and is made from code: the settings, the command line and the REST API as
 * documents, and the model's transitions. `--check` writes nothing and fails where a file is not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { buildDocument } from '../apps/api/dist/http/openapi/document.js';
import { apiSettings } from '../apps/api/dist/settings.js';
import { workerSettings } from '../apps/worker/dist/settings.js';
import { sharedSettings } from '../libs/contracts/dist/settings.js';
import { modelTransitions } from './model-transitions.mjs';

const root = join(import.meta.dirname, '..');
const cli = join(root, 'apps', 'cli');
const { CommandHelp, Config } = createRequire(join(cli, 'package.json'))('@oclif/core');
const config = await Config.load(cli);

/** The lines of a setting: what it is for, then its default or, without one, an example. */
function setting(name, { description, enum: options, examples, default: value }) {
  const words = `${description}${options ? ` One of ${options.join(', ')}.` : ''}`;
  const lines = words.match(/.{1,116}(?= |$)/g).map((line) => `# ${line.trim()}`);
  return [...lines, `#${name}=${examples?.[0] ?? value}`].join('\n');
}

function section(title, properties) {
  return [`# --- ${title}`, ...Object.entries(properties).map((each) => setting(...each)), ''].join('\n');
}

/** The settings that the command line alone reads: the environment variables of its flags. */
async function commandLineSettings(known) {
  const commands = await Promise.all(config.commands.map((command) => command.load()));
  const flags = commands.flatMap(({ baseFlags, flags: own }) => Object.values({ ...baseFlags, ...own }));
  return Object.fromEntries(
    flags.filter(({ env }) => env && !(env in known)).map((flag) => [flag.env, flag]),
  );
}

async function environment() {
  const { properties: api } = apiSettings.toJSONSchema({ io: 'input' });
  const { properties: worker } = workerSettings.toJSONSchema({ io: 'input' });
  const isShared = ([name]) =>
    (name in api && name in worker) || (name === 'FLUX_AMQP_URL' && name in sharedSettings);
  const all = { ...api, ...worker, ...api };
  const pick = (accept) => Object.fromEntries(Object.entries(all).filter(accept));
  return [
    '# Copy to .env: docker compose reads it there. Without compose, hand the variables to the processes themselves.',
    '# What stands here is the default, or an example where there is none; an empty variable counts as unset.',
    '# Written by npm run generate.\n',
    section('api and worker', pick(isShared)),
    section(
      'api',
      pick((each) => each[0] in api && !isShared(each)),
    ),
    section(
      'worker',
      pick((each) => !(each[0] in api) && !isShared(each)),
    ),
    section('cli', {
      ...(await commandLineSettings(all)),
      FLUX_API_KEY: {
        description: 'Reserved for the key to the api; there are no keys yet, so nothing reads it.',
        default: '',
      },
    }),
    '# --- compose alone (letters and digits: they become part of a URL)',
    '#POSTGRES_PASSWORD=flux\n#RABBITMQ_PASSWORD=flux\n',
  ].join('\n');
}

function commandLine() {
  const reference = config.commands.flatMap((command) => {
    const id = command.id.replaceAll(':', ' ');
    const options = { maxWidth: 110, stripAnsi: true, respectNoCacheDefault: true };
    const help = new CommandHelp({ ...command, id }, config, options).generate().trimEnd();
    return [`## flux ${id}`, command.summary, `\`\`\`text\n${help}\n\`\`\``];
  });
  const about = 'What `flux COMMAND --help` tells of every command. Written by `npm run generate`.';
  return ['# The command line', about, ...reference].join('\n\n');
}

const FILES = {
  '.env.example': environment,
  'docs/cli.md': commandLine,
  'docs/openapi.json': () => JSON.stringify(buildDocument()),
  'docs/model/transitions.pml': modelTransitions,
};

const prettier = await resolveConfig(join(root, 'package.json'));
for (const [path, make] of Object.entries(FILES)) {
  const file = join(root, path);
  const made = await make();
  const text = /\.(md|json)$/.test(path) ? await format(made, { ...prettier, filepath: file }) : made;
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${path} is not what the code says: npm run generate writes it anew`);
    process.exitCode = 1;
  }
}
