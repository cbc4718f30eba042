import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const LEAN_HEAP = new URL('../dist/lean-heap.js', import.meta.url).href;

/** The most memory of the heap of a process that makes copies of large texts, MB: what the system keeps of it besides differs. */
function memoryOf(prelude: string): number {
  const code = `
    ${prelude}
    let [kept, most] = [[], 0];
    for (let index = 0; index < 400; index += 1) {
      kept.push(JSON.parse(JSON.stringify('x'.repeat(1_000_000) + index)));
      if (kept.length > 20) kept = [];
      most = Math.max(most, process.memoryUsage().heapUsed);
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(most / 1024 ** 2);`;
  // A collector with threads of its own is late where others take the processor.
  const args = ['--single-threaded-gc', '--input-type=module', '--eval', code];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env: {} });
  return Number(stdout);
}

test('garbage of large values takes less memory while the heap is kept lean', () => {
  const lean = memoryOf(`const { keepHeapLean } = await import('${LEAN_HEAP}'); keepHeapLean();`);
  const plain = memoryOf('');
  expect(lean).toBeGreaterThan(40);
  expect(lean).toBeLessThan(0.85 * plain);
});
