import { writeFile } from 'node:fs/promises';
import { inColumns, machineFacts } from '@flux/testing';
import type { Summary } from './stats.js';

/** The findings of a benchmark. */
export interface Report {
  /** Milliseconds. */
  readonly latencies: Readonly<Record<string, Summary>>;
  /** Everything that is one number, its unit in its name. */
  readonly values: Readonly<Record<string, number>>;
}

/** The report as tables for people. */
export function render(report: Report): string {
  const latencies = Object.entries(report.latencies).map(([name, summary]) => [
    name,
    String(summary.samples),
    ...[summary.mean, summary.p50, summary.p90, summary.p99, summary.max].map(format),
  ]);
  const values = Object.entries(report.values).map(([name, value]) => [name, format(value)]);
  const tables = [
    latencies.length > 0 && table(['ms', 'n', 'mean', 'p50', 'p90', 'p99', 'max'], latencies),
    values.length > 0 && table(['figure', 'value'], values),
  ];
  return tables.filter(Boolean).join('\n\n');
}

/** Writes the report with what is needed to compare it with another machine's; nothing that names this one. */
export async function writeJson(
  path: string,
  benchmark: string,
  options: object,
  report: Report,
): Promise<void> {
  const document = { benchmark, date: new Date().toISOString(), machine: machineFacts(), options, ...report };
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
}

function format(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** The first column to the left, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const numbers = [...head.keys()].slice(1);
  const [first = '', ...lines] = inColumns([head, ...rows], numbers);
  return [first, '-'.repeat(first.length), ...lines].join('\n');
}
