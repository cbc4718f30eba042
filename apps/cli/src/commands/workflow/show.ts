import type { WorkflowResource } from '@flux/client';
import { Args } from '@oclif/core';
import { ServerCommand } from '../../flux-command.js';
import { fieldLines, type Field } from '../../output/fields.js';
import { clean, styleFor } from '../../output/style.js';
import { dateAndTime } from '../../output/times.js';

export default class WorkflowShow extends ServerCommand<typeof WorkflowShow> {
  static override summary =
    'Show a workflow: its versions, its limits, its runner and the schema of its input.';
  static override description = 'Exit codes: 0 shown, 1 error, 4 no such workflow.';
  static override examples = ['<%= config.bin %> <%= command.id %> crawl'];
  static override args = {
    NAME: Args.string({ description: "The workflow's name.", required: true, ignoreStdin: true }),
  };

  async run(): Promise<void> {
    const client = await this.client();
    const workflow = await client.workflow(this.args.NAME);
    if (this.flags.json) return this.writeJson(workflow);
    const { formatDuration } = await import('@flux/client');
    const style = styleFor(process.stdout);
    const { gracePeriodMs, timeoutMs, inputSchema, cancelOn } = workflow;
    const schema = inputSchema === null ? 'any' : JSON.stringify(inputSchema, null, 2);
    const [first, ...rest] = schema.split('\n');
    const fields: Field[] = [
      ['workers', String(workflow.workers)],
      ['runner', workflow.runner],
      ['grace period', gracePeriodMs === null ? "the deployment's" : formatDuration(gracePeriodMs)],
      ['timeout', timeoutMs === null ? 'none' : formatDuration(timeoutMs)],
      [
        'cancelled by',
        cancelOn.length > 0 && cancelOn.map(({ event, key }) => `${event}, key ${key}`).join(' · '),
      ],
      ['left open', straysOf(workflow)],
      ['registered', `${dateAndTime(workflow.registeredAt)} UTC`],
      ...versionFields(workflow),
      ['input', first],
    ];
    this.write(style('bold', clean(workflow.workflowName)), ...fieldLines(style, fields, 14));
    return this.write(...rest.map((line) => `${' '.repeat(16)}${clean(line)}`));
  }
}

/** What its executions left open when they ended; false for nothing. */
function straysOf({ strays }: WorkflowResource): string | false {
  const words = strays.map(
    ({ kind, executions }) => `${kind}s by ${executions} execution${executions === 1 ? '' : 's'}`,
  );
  return words.length > 0 && words.join(' · ');
}

/** A line for each version, newest first; none for a workflow that never had one. */
function versionFields({ version, versions }: WorkflowResource): Field[] {
  if (version === null && versions.length === 1) return [];
  return versions.map((each, index) => {
    const workers = each.workers === 1 ? '1 worker' : `${each.workers} workers`;
    const since = `since ${dateAndTime(each.registeredAt)} UTC`;
    return [index === 0 ? 'versions' : '', `${each.version ?? 'none'}: ${workers}, ${since}`];
  });
}
