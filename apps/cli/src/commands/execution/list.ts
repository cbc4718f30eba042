import { Flags } from '@oclif/core';
import type { ExecutionFilter, ExecutionResource, ExecutionState, FluxClient } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import { EXECUTION_FILTER_FLAGS, readFilter } from '../../input/execution-filter.js';
import { styleFor, styleState } from '../../output/style.js';
import { tableOf, type Column } from '../../output/table.js';
import { age, between } from '../../output/times.js';

// Written out, so that help and mistakes are told without loading the contracts; a spec compares them.
export const STATES = [
  'SCHEDULED',
  'RUNNING',
  'PAUSED',
  'SLEEPING',
  'CANCELLING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
] as const satisfies readonly ExecutionState[];

const PAGE_OF_ALL = 200;

export default class ExecutionList extends ServerCommand<typeof ExecutionList> {
  static override summary = 'List executions, newest first.';
  static override description = `One page, or every page with --all. Filters add up. Exit codes: 0 listed, 1 error.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> --workflow crawl --state RUNNING --state CANCELLING',
    '<%= config.bin %> <%= command.id %> --label team=media --created-after 2026-11-22 --all --json',
  ];
  static override flags = {
    ...EXECUTION_FILTER_FLAGS,
    state: Flags.option({ options: STATES, multiple: true, multipleNonGreedy: true })({
      description: 'Only in this state; may be given many times.',
      helpValue: 'STATE',
    }),
    limit: Flags.integer({ description: 'How many a page has.', min: 1, max: 1000, helpValue: 'N' }),
    cursor: Flags.string({ description: 'Where the page begins: nextCursor of the page before.' }),
    all: Flags.boolean({ description: 'Every page.' }),
  };

  async run(): Promise<void> {
    const filter = this.filter();
    const client = await this.client();
    if (this.flags.json) return this.writeJson(await this.page(client, filter));
    const { formatDuration } = await import('@flux/client');
    const style = styleFor(process.stdout);
    const columns: Column<ExecutionResource>[] = [
      { title: 'EXECUTION', text: (row) => row.executionId },
      {
        title: 'STATE',
        // As wide as the longest one, so that the pages of --all stand below each other.
        text: (row) => row.state.padEnd('CANCELLING'.length),
        paint: (row, cell) => cell.replace(row.state, styleState(style, row.state)),
      },
      { title: 'AGE', text: (row) => age(row.createdAt).padStart(4), align: 'right' },
      {
        title: 'TOOK',
        text: (row) =>
          (row.startedAt && row.finishedAt
            ? formatDuration(between(row.startedAt, row.finishedAt))
            : ''
          ).padStart(9),
        align: 'right',
        optional: true,
      },
      { title: 'WORKFLOW', text: (row) => row.workflowName },
      { title: 'WAITS FOR', text: waitsFor, optional: true },
    ];
    let isFirst = true;
    for (let cursor: string | undefined | null = filter.cursor; cursor !== null;) {
      const page = await client.list(cursor === undefined ? filter : { ...filter, cursor });
      if (page.items.length === 0 && isFirst) this.write('No executions.');
      const lines = tableOf(columns, page.items, style, process.stdout.columns);
      for (const line of page.items.length === 0 ? [] : lines.slice(isFirst ? 0 : 1)) this.write(line);
      isFirst = false;
      cursor = this.flags.all ? page.nextCursor : null;
      if (!this.flags.all && page.nextCursor !== null) {
        this.write(style('dim', `There are more: --cursor ${page.nextCursor}, or --all.`));
      }
    }
    return undefined;
  }

  /** With `--all` one page that has everything. */
  private async page(
    client: FluxClient,
    filter: ExecutionFilter,
  ): Promise<Awaited<ReturnType<FluxClient['list']>>> {
    if (!this.flags.all) return client.list(filter);
    const items: ExecutionResource[] = [];
    for await (const execution of client.listAll(filter)) items.push(execution);
    return { items, nextCursor: null };
  }

  private filter(): ExecutionFilter {
    const { limit, cursor, all } = this.flags;
    const size = limit ?? (all ? PAGE_OF_ALL : undefined);
    return {
      ...readFilter(this.flags),
      ...(size && { limit: size }),
      ...(cursor && { cursor }),
    };
  }
}

function waitsFor({ waiting, version }: ExecutionResource): string {
  if (!waiting) return '-';
  if (waiting.for === 'version') return version === null ? 'no version' : `version ${version}`;
  return waiting.pause ?? waiting.for;
}
