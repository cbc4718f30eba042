import { Args, Flags } from '@oclif/core';
import { ServerCommand } from '../../flux-command.js';
import { given } from '../../input/options.js';
import { clean } from '../../output/style.js';
import { prose } from '../../prose.js';

export default class EventSend extends ServerCommand<typeof EventSend> {
  static override summary = 'Send an event that cancels the executions it is about.';
  static override description = prose(`
Cancels every execution that has not ended, whose workflow names the event NAME in its cancelOn and whose input has KEY
there. What is started later is not concerned. The server does the work, as a bulk cancel that can be watched and
stopped.

Exit codes: 0 sent, also when it concerns nobody, 1 error.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> order_cancelled 4711 --reason "paid twice"',
  ];
  static override args = {
    // Or oclif would read a missing argument from a pipe.
    NAME: Args.string({ description: "The event's name.", required: true, ignoreStdin: true }),
    KEY: Args.string({ description: 'What it is about.', required: true, ignoreStdin: true }),
  };
  static override flags = {
    reason: Flags.string({ description: 'Why, for their histories.', helpValue: 'TEXT' }),
  };

  async run(): Promise<void> {
    const { NAME: name, KEY: key } = this.args;
    const { reason, json } = this.flags;
    const client = await this.client();
    const receipt = await client.sendEvent({ name, key, ...given({ reason }) });
    if (json) return this.writeJson(receipt);
    if (receipt.cancellationId === null) {
      return this.write(
        `Nothing to cancel: no execution is under way that ${clean(`${name} ${key}`)} cancels.`,
      );
    }
    const { executions } = await import('../../output/bulk-view.js');
    return this.write(
      `Cancelling ${executions(receipt.executions)}`,
      `  follow it  ${this.typed(`cancellation watch ${receipt.cancellationId}`)}`,
    );
  }
}
