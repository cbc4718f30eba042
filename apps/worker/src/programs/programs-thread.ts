/**
 * Entry of the thread that ends programs: to look at all processes of a machine takes a while, and a process that is stuck
 * in the system can hold up whoever looks at it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { DetachedMarks } from './detached.js';
import { Ender, type EndedProgram } from './ender.js';
import { endLeftBehind } from './left-behind.js';
import { incarnationText, type Incarnation } from './marks.js';

/** Supervisor → thread; an answer has the `id` of its question. */
export type ToProgramsThread =
  | {
      readonly kind: 'end';
      readonly id: number;
      readonly groups: readonly string[];
      readonly isAbrupt: boolean;
    }
  | { readonly kind: 'end_left_behind'; readonly id: number }
  | { readonly kind: 'detach'; readonly mark: string };

/** Thread → supervisor. */
export type FromProgramsThread =
  /** What earlier lives have detached is kept in mind here. */
  | { readonly kind: 'keeps' }
  /** No process has held up the look at it. */
  | { readonly kind: 'looked' }
  /** All that there are have got a signal, or are about to. */
  | { readonly kind: 'seen'; readonly id: number }
  | { readonly kind: 'ended'; readonly id: number; readonly ended: readonly EndedProgram[] }
  | { readonly kind: 'fault'; readonly message: string; readonly pids?: readonly number[] };

if (!parentPort) throw new Error('this is a worker thread');
const port = parentPort;
const self = workerData as Incarnation;
const tell = (message: FromProgramsThread): void => port.postMessage(message);

const detached = new DetachedMarks((error) => {
  tell({ kind: 'fault', message: `what is detached here is not kept for a restart: ${String(error)}` });
});
// A thread before this one may have failed.
const own = `${incarnationText(self)}:`;
detached.restore((mark) => mark.startsWith(own));
const ender = new Ender({
  isSpared: (mark) => detached.has(mark),
  onFault: (why, pids) => tell({ kind: 'fault', message: `programs could not be ended: ${why}`, pids }),
  onLook: () => tell({ kind: 'looked' }),
});

async function end(message: Exclude<ToProgramsThread, { kind: 'detach' }>): Promise<readonly EndedProgram[]> {
  if (message.kind === 'end_left_behind') {
    const left = await endLeftBehind(self, ender, detached);
    if (!detached.isEmpty) tell({ kind: 'keeps' });
    return left;
  }
  const { groups, isAbrupt } = message;
  const isOne = (mark: string): boolean => groups.some((group) => mark.startsWith(group));
  const ended = await ender.end({ key: groups.join(), isOne, since: self.startedAt, isAbrupt }, () => {
    tell({ kind: 'seen', id: message.id });
  });
  // The worker takes its leave.
  if (groups.includes(own)) detached.forgetGone();
  return ended;
}

port.on('message', (message: ToProgramsThread) => {
  if (message.kind === 'detach') detached.add(message.mark);
  else void end(message).then((ended) => tell({ kind: 'ended', id: message.id, ended }));
});
