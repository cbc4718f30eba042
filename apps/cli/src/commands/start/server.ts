import { Flags } from '@oclif/core';
import { FluxCommand } from '../../flux-command.js';
import { serve } from '../../serve.js';
import { prose } from '../../prose.js';

export default class StartServer extends FluxCommand<typeof StartServer> {
  static override summary = 'Start an api server.';
  static override description = prose(`
Reads FLUX_DATABASE_URL, FLUX_AMQP_URL and the other settings of the environment, and first brings the schema
up to date. Ctrl-C stops it; a second one ends it at once.`);
  static override examples = ['<%= config.bin %> <%= command.id %> --port 8000'];
  static override flags = {
    // Shown and given as --no-migrate; without it the schema is brought up to date.
    migrate: Flags.boolean({
      description: 'Bring the schema up to date first.',
      allowNo: true,
      default: true,
    }),
    port: Flags.string({ description: 'Overrides FLUX_PORT.', helpValue: 'PORT' }),
    host: Flags.string({ description: 'Overrides FLUX_HOST.', helpValue: 'HOST' }),
  };

  async run(): Promise<void> {
    const { port, host, migrate } = this.flags;
    await serve(
      async () => {
        const { bootServer } = await import('../../parts/server.js');
        return bootServer({ FLUX_PORT: port, FLUX_HOST: host }, migrate);
      },
      ({ url }) => {
        if (this.flags.json) this.writeJson({ url });
        else this.write(`Flux server is ready at ${url}`);
      },
    );
  }
}
