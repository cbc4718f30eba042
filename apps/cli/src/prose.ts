/** Help text written over several lines: a single line break is a space, an empty line begins a paragraph. */
export function prose(text: string): string {
  return text.trim().replace(/([^\n])\n(?!\n)/g, '$1 ');
}
