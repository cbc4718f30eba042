/** Stands for the package `uuid` in a simulated process: `ids-hook.ts` sees to that. */

let count = 0;

/** The next world's ids are those of the world before: their partitions and their order are part of a run. */
export function beginIds(): void {
  count = 0;
}

/** In order, and as even in what makes a partition as those that are made by chance. */
export function v7(): string {
  count += 1;
  const time = Date.now().toString(16).padStart(12, '0');
  const place = count.toString(16).padStart(3, '0').slice(-3);
  const mixed = (Math.imul(count, 0x9e_37_79_b1) >>> 0).toString(16).padStart(8, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${place}-8000-0000${mixed}`;
}
