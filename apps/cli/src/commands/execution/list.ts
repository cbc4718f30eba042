import { Flags } from '@oclif/core';
import type { ExecutionFilter, ListedExecutionResource } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import { PAGE_FLAGS, given } from '../../input/options.js';
import { executionFilterFlags, readFilter } from '../../input/execution-filter.js';
import { STATES, styleFor, styleState } from '../../output/style.js';
import { tableOf, type Column } from '../../output/table.js';
import { age, between } from '../../output/times.js';

const PAGE_OF_ALL = 200;

export default class ExecutionList extends ServerCommand<typeof ExecutionList> {
  static override summary = 'List executions, newest first.';
  static override description = `One page, which ends at 1 MiB too, or every page with --all. Filters add up. Exit codes: 0 listed, 1 error.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> --workflow crawl --state RUNNING --state CANCELLING',
    '<%= config.bin %> <%= command.id %> --label team=media --created-after 2026-11-22 --all --json',
  ];
  static override flags = {
    ...executionFilterFlags(STATES),
    ...PAGE_FLAGS,
    include: Flags.option({ options: ['input', 'output'] as const, multiple: true, delimiter: ',' })({
      description:
        'With these values of each, as input,output: in --json alone, a table has no room for them.',
    }),
    all: Flags.boolean({ description: 'Every page.' }),
  };

  async run(): Promise<void> {
    const filter = this.#filter();
    const client = await this.client();
    const { formatDuration } = await import('@flux/client');
    const style = styleFor(process.stdout);
    const columns: Column<ListedExecutionResource>[] = [
      { title: 'EXECUTION', text: (row) => row.executionId },
      {
        title: 'STATE',
        // The column is as wide as the longest id, so that the pages of --all stand below each other.
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
    const none = 'No executions.';
    if (!this.flags.all) {
      return this.writePage({ page: await client.list(filter), columns, none, ending: ', or --all.' });
    }
    if (this.flags.json) {
      const items: ListedExecutionResource[] = [];
      for await (const execution of client.listAll(filter)) items.push(execution);
      return this.writeJson({ items, nextCursor: null });
    }
    let isFirst = true;
    for (let cursor: string | undefined | null = filter.cursor; cursor !== null;) {
      const { items, nextCursor } = await client.list({ ...filter, cursor });
      if (items.length === 0 && isFirst) this.write(none);
      const lines = await tableOf(columns, items, style, process.stdout.columns);
      this.write(...(items.length === 0 ? [] : lines.slice(isFirst ? 0 : 1)));
      isFirst = false;
      cursor = nextCursor;
    }
    return undefined;
  }

  #filter(): ExecutionFilter {
    const { limit, cursor, all, json } = this.flags;
    const include = json ? this.flags.include : undefined;
    return {
      ...readFilter(this.flags),
      ...given({ limit: limit ?? (all ? PAGE_OF_ALL : undefined), cursor, include }),
    };
  }
}

function waitsFor({ waiting, version }: ListedExecutionResource): string {
  if (!waiting) return '-';
  if (waiting.for === 'version') return version === null ? 'no version' : `version ${version}`;
  return waiting.pause ?? waiting.for;
}
