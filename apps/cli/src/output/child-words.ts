import type { EventResource } from '@flux/client';
import { causeWords, errorWords, reasonWords } from './cause-words.js';

type Data = EventResource['data'];

const POLICIES: Readonly<Record<string, string>> = {
  request: ', not waited for on cancel',
  abandon: ', left alone on cancel',
};

/** What the events of parents and children say. */
export const CHILD_WORDS: Readonly<Record<string, (data: Data) => string>> = {
  child_started: (data) => {
    const policy = typeof data.onParentCancel === 'string' ? POLICIES[data.onParentCancel] : undefined;
    return `child ${child(data)} started${policy ?? ''}`;
  },
  child_refused: (data) => `child ${text(data.workflowName)} was not started: ${errorWords(data.error)}`,
  child_finished: (data) => `child ${child(data)} ${endWords(data)}`,
  child_joined: (data) => `goes on with the end of its child ${text(data.name).replace(/^\$\w+\./, '')}`,
};

/** Who started an execution: whoever asked, or its parent. */
export function starterWords(requestedBy: unknown): string {
  return text(requestedBy).replace(/^parent:/, 'its parent ');
}

function endWords({ state, error, requestedBy, reason, cause }: Data): string {
  if (state === 'FAILED') return `FAILED: ${errorWords(error)}`;
  if (state !== 'CANCELLED') return text(state);
  return `CANCELLED by ${text(requestedBy)}${causeWords(cause)}${reasonWords(reason)}`;
}

function child({ workflowName, executionId }: Data): string {
  return `${text(workflowName)} ${text(executionId)}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '?';
}
