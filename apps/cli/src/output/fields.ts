import { clean, type Style } from './style.js';

/** A label and its value; a field without a value is left out. */
export type Field = readonly [label: string, value: string | null | undefined | false];

/** A line for each field, its value `width` characters behind the beginning of its label. */
export function fieldLines(style: Style, fields: readonly Field[], width = 12): string[] {
  return fields.flatMap(([label, value]) =>
    typeof value === 'string' ? [`  ${style('dim', label.padEnd(width))}${clean(value)}`] : [],
  );
}

/** `team=media, env=prod`, `null` without labels. */
export function labelWords(labels: Readonly<Record<string, string>>, between = ', '): string | null {
  const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return words.length > 0 ? words.join(between) : null;
}
