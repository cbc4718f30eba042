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
export async function tableOf<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  style: Style,
  width: number | undefined,
): Promise<string[]> {
  // The regular expressions of `string-width` take 15 ms to load, which commands without a table are spared.
  const { default: stringWidth } = await import('string-width');
  const measured = columns.map((column) => {
    const cells = rows.map((row) => clean(column.text(row)));
    return { column, cells, size: Math.max(...[column.title, ...cells].map((cell) => stringWidth(cell))) };
  });
  const total = (): number =>
    measured.reduce((sum, { size }) => sum + size, 0) + GAP.length * (measured.length - 1);
  while (width !== undefined && total() > width) {
    const last = measured.findLastIndex(({ column }) => column.optional);
    if (last === -1) break;
    measured.splice(last, 1);
  }
  const painted = measured.map(({ column, cells, size }, index) => {
    const pad = (text: string): string => {
      const spaces = ' '.repeat(size - stringWidth(text));
      if (column.align === 'right') return spaces + text;
      return index === measured.length - 1 ? text : text + spaces;
    };
    const body = rows.map((row, line) => {
      const padded = pad(cells[line] ?? '');
      return column.paint ? column.paint(row, padded) : padded;
    });
    return [style('dim', pad(column.title)), ...body];
  });
  return Array.from({ length: 1 + rows.length }, (_, line) => painted.map((cells) => cells[line]).join(GAP));
}
