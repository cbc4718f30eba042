import type { DetachedMarks } from './detached.js';
import type { EndedProgram, Ender } from './ender.js';
import { incarnationText, markedBy, nameOf, type Incarnation } from './marks.js';
import { processStart } from './processes.js';

/**
 * Ends what earlier incarnations of a worker have left on this machine: their supervisors are dead, and nobody else
 * can. Programs of any incarnation that lives, of the same name too, are left alone, and so are detached ones.
 */
export async function endLeftBehind(
  self: Incarnation,
  ender: Ender,
  detached: DetachedMarks,
): Promise<readonly EndedProgram[]> {
  const dead = new Map<string, boolean>();
  const isOne = (mark: string): boolean => {
    const by = markedBy(mark);
    if (!by || by.namespace !== self.namespace || nameOf(by.workerId) !== nameOf(self.workerId)) return false;
    const text = incarnationText(by);
    const isDead = dead.get(text) ?? processStart(by.pid) !== by.startedAt;
    dead.set(text, isDead);
    return isDead;
  };
  const kept = detached.restore(isOne);
  const ended = await ender.end({ key: 'left behind', isOne, since: 0, isAbrupt: false });
  detached.forgetGone(kept);
  return ended;
}
