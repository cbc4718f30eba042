/**
 * Runs jest with the flags ES modules need; every argument is handed on to jest. Ends with its totals on a line
 * of their own, `N passed, N failed, N skipped`. A run in which no test ran has failed. What `flux` runs is packed
 * anew first, if `tsc` has changed it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import config from '../jest.config.mjs';

const root = join(import.meta.dirname, '..');
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const args = pathsFirst(process.argv.slice(2));
const runsTests = !args.some((arg) => /^(-h|--(help|version|listTests|showConfig|clearCache))$/.test(arg));
const scratch = mkdtempSync(join(tmpdir(), 'flux-totals-'));
const totalsFile = join(scratch, 'totals.json');

if (runsTests) execFileSync(process.execPath, [join(root, 'scripts', 'bundle.mjs')], { stdio: 'inherit' });
const child = spawn(
  process.execPath,
  ['--experimental-vm-modules', '--no-warnings', jest, '--forceExit=false', ...args],
  { cwd: root, stdio: 'inherit', env: { ...process.env, FLUX_TEST_TOTALS: totalsFile } },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  const totals = readTotals();
  rmSync(scratch, { recursive: true, force: true });
  process.exitCode = code ?? 1;
  if (!runsTests) return;
  if (signal) console.error(`flux: jest was ended by ${signal}`);
  if (totals.passed + totals.failed === 0) {
    console.error('flux: no test ran, so nothing is known');
    process.exitCode ||= 1;
  }
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
});

/** Jest takes every word after `--selectProjects` for a project, so `--selectProjects unit FILE` would run them all. */
function pathsFirst(words) {
  const start = words.indexOf('--selectProjects') + 1;
  if (start === 0) return words;
  const length = words.slice(start).findIndex((word) => word.startsWith('-'));
  const end = length < 0 ? words.length : start + length;
  const named = words.slice(start, end);
  const isProject = (word) => config.projects.some(({ displayName }) => displayName === word);
  const paths = named.filter((word) => !isProject(word));
  return [...paths, ...words.slice(0, start), ...named.filter(isProject), ...words.slice(end)];
}

function readTotals() {
  try {
    return JSON.parse(readFileSync(totalsFile, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
