import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import type { Summary } from './stats.js';

/** What a benchmark found. */
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
  const machine = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpus: cpus().length,
    cpuModel: cpus()[0]?.model ?? 'unknown',
    memoryMiB: Math.round(totalmem() / 1024 ** 2),
  };
  const document = { benchmark, date: new Date().toISOString(), machine, options, ...report };
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
}

function format(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** The first column to the left, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  const rule = '-'.repeat(line(head).length);
  return [line(head), rule, ...rows.map(line)].join('\n');
}
