import { arch, cpus, platform, totalmem } from 'node:os';

/** Rows in columns as wide as their widest cell; to the right are those with an index in `right`. */
export function inColumns(rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const placed = (cell: string, column: number): string =>
    right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(placed).join('  ').trimEnd());
}

/** The facts needed to compare figures with another machine's; none that names this one. */
export const machineFacts = () => ({
  node: process.version,
  platform: `${platform()} ${arch()}`,
  cpus: cpus().length,
  cpuModel: cpus()[0]?.model ?? 'unknown',
  memoryMiB: Math.round(totalmem() / 1024 ** 2),
});
