/**
 * Entry of the thread that watches over a runner process: it kills the whole process group once the supervisor is gone,
 * or has not renewed in time until when it is sure to own what runs here, and before that the programs of that worker
 * which have left the group. And it tells where the code is, which may keep
 * the main thread busy for ever.
 */
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import { OWNERSHIP_STOP_MS } from '@flux/domain';
import { LastPrograms } from '../programs/last-programs.js';
import { ASK, GUARD_FD, Words, type GuardData, type GuardWord } from '../wire/guard.js';
import { OwnershipClock } from '../wire/ownership-clock.js';
import { Whereabouts } from '../wire/whereabouts.js';

const CHECK_EVERY_MS = 50;
/** The supervisor has the first word, with a signal; this is for one that is frozen. */
const PATIENCE_NS = BigInt(OWNERSHIP_STOP_MS + CHECK_EVERY_MS) * 1_000_000n;

const data = workerData as GuardData;
const clock = new OwnershipClock(data.clock);
const whereabouts = new Whereabouts(data.whereabouts);
const words = new Words();
const programs = new LastPrograms(data.incarnation);
let isEnding = false;
let checked = 0;
let checkedMs = 0;
let lookedAt = performance.now();

function killGroup(): void {
  process.kill(-process.pid, 'SIGKILL');
}

/** Nobody else ends the programs of this worker now. */
async function killAll(): Promise<void> {
  // Code of the main thread begins nothing more.
  clock.end();
  await programs.kill();
  killGroup();
}

async function lineClosed(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  // The supervisor of a runner that has closed the line itself ends what that has started, and nothing of others.
  if (await programs.areOrphaned()) await killAll();
  else killGroup();
}

function timeIsUp(): void {
  if (isEnding || !isOverdue()) return;
  isEnding = true;
  void killAll();
}

function isOverdue(): boolean {
  return !clock.isOver && process.hrtime.bigint() > clock.until + PATIENCE_NS;
}

function tell(word: GuardWord, handle: number): void {
  line.write(`${word} ${handle}\n`);
}

function hear(word: string): void {
  if (word === ASK) tell('entered', whereabouts.entered);
  else if (!isEnding) clock.until = BigInt(word);
}

/** A machine that stood still, or was busy with others, has not checked meanwhile: a look counts for two at most. */
function lookAtCheck(): void {
  const now = performance.now();
  const sinceMs = Math.min(now - lookedAt, 2 * CHECK_EVERY_MS);
  lookedAt = now;
  const before = checked;
  checked = whereabouts.checked;
  if (checked === 0 || checked !== before) checkedMs = 0;
  else if (checkedMs < data.inputCheckMs) {
    checkedMs += sinceMs;
    if (checkedMs >= data.inputCheckMs) tell('slow_check', checked);
  }
}

// The supervisor's end closes with it, however it ends.
const line = new Socket({ fd: GUARD_FD, readable: true, writable: true });
line.setEncoding('utf8');
line.on('data', (text: string) => {
  for (const word of words.hear(text)) hear(word);
});
line.once('error', () => void lineClosed());
line.once('close', () => void lineClosed());
setInterval(() => {
  lookAtCheck();
  // A process that was held up first hears what came in meanwhile.
  if (isOverdue()) setImmediate(timeIsUp);
}, CHECK_EVERY_MS);
