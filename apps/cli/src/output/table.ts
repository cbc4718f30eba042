import { clean, type Style } from './style.js';

export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  /** Colours the padded text. */
  readonly paint?: (row: T, padded: string) => string;
  readonly align?: 'right';
  /** Left out where the screen is too narrow for all columns. */
  readonly optional?: boolean;
}

const GAP = '  ';

/**
 * The lines of a table whose cells are never cut and never broken: one that is too wide loses its optional
 * columns, the last one first. `width` is the screen's, `undefined` where there is none.
 */
export function tableOf<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  style: Style,
  width: number | undefined,
): string[] {
  const measured = columns.map((column) => {
    const cells = rows.map((row) => clean(column.text(row)));
    return { column, cells, size: Math.max(column.title.length, ...cells.map((cell) => cell.length)) };
  });
  const total = (): number =>
    measured.reduce((sum, { size }) => sum + size, 0) + GAP.length * (measured.length - 1);
  while (width !== undefined && total() > width) {
    const last = measured.findLastIndex(({ column }) => column.optional);
    if (last === -1) break;
    measured.splice(last, 1);
  }
  const pad = (text: string, size: number, column: Column<T>, isLast: boolean): string =>
    column.align === 'right' ? text.padStart(size) : isLast ? text : text.padEnd(size);
  const lineOf = (cell: (index: number) => string): string =>
    measured.map((_, index) => cell(index)).join(GAP);
  const isLast = (index: number): boolean => index === measured.length - 1;
  const header = lineOf((index) => {
    const { column, size } = measured[index]!;
    return style('dim', pad(column.title, size, column, isLast(index)));
  });
  const body = rows.map((row, line) =>
    lineOf((index) => {
      const { column, cells, size } = measured[index]!;
      const padded = pad(cells[line] ?? '', size, column, isLast(index));
      return column.paint ? column.paint(row, padded) : padded;
    }),
  );
  return [header, ...body];
}
