import { Flags } from '@oclif/core';
import { FluxCommand } from '../../flux-command.js';
import { WORKFLOWS_FLAG } from '../../input/options.js';
import { invocation } from '../../invocation.js';
import { serve } from '../../serve.js';
import { prose } from '../../prose.js';

export default class StartDev extends FluxCommand<typeof StartDev> {
  static override summary = 'Start everything in one process tree: PostgreSQL, api and worker.';
  static override description = prose(`
Nothing need be installed. The data stay in --data, so that a restart goes on where it was.
Ctrl-C stops it; a second one ends it at once.`);
  static override examples = ['<%= config.bin %> <%= command.id %> --workflows examples'];
  static override flags = {
    workflows: Flags.string({ ...WORKFLOWS_FLAG, default: 'workflows' }),
    port: Flags.integer({
      description: 'Where the api listens; 0 takes any free port.',
      env: 'FLUX_PORT',
      default: 8000,
      min: 0,
      max: 65_535,
    }),
    data: Flags.string({
      description: 'Where the data are; .flux by default, as root /var/lib/flux.',
      helpValue: 'DIR',
    }),
  };

  async run(): Promise<void> {
    const { workflows, port, data } = this.flags;
    await serve(
      async () => {
        const { startDevServer, defaultDataDir } = await import('../../parts/dev.js');
        const dataDir = data ?? defaultDataDir();
        return startDevServer({ workflowsDir: workflows, port, dataDir, environment: process.env });
      },
      ({ url, workflows: registered }) => {
        if (this.flags.json) return this.writeJson({ url, workflows: registered });
        this.write(`Flux is ready at ${url} with ${registered.join(', ') || 'no workflows'}`);
        for (const line of nextSteps(url, registered[0] ?? 'NAME')) this.write(`  ${line}`);
        return undefined;
      },
    );
  }
}

/** The commands to type in another terminal. */
function nextSteps(url: string, workflow: string): string[] {
  const flux = invocation();
  const at = url === 'http://127.0.0.1:8000' ? '' : ` --server-url ${url}`;
  return [
    `what there is  ${flux} workflow list${at}`,
    `run one        ${flux} workflow run ${workflow} '{}'${at}`,
    `watch it       ${flux} workflow watch ${workflow} ID${at}`,
    `stop it        ${flux} workflow cancel ${workflow} ID --sync${at}`,
  ];
}
