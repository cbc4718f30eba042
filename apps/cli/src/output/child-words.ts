import type { EventResource, HistoryEvent, HistoryEventType } from '@flux/client';
import { causeWords, errorWords, reasonWords } from './cause-words.js';

/** The words for each event of these types. */
export type Words<T extends HistoryEventType> = {
  readonly [K in T]: (event: EventResource<K>) => string;
};

const POLICIES: Readonly<Record<string, string>> = {
  request: ', not waited for on cancel',
  abandon: ', left alone on cancel',
};

/** The words for events of parents and children. */
export const CHILD_WORDS: Words<'child_started' | 'child_refused' | 'child_finished' | 'child_joined'> = {
  child_started: ({ data }) => `child ${child(data)} started${POLICIES[data.onParentCancel] ?? ''}`,
  child_refused: ({ data }) => `child ${data.workflowName} was not started: ${errorWords(data.error)}`,
  child_finished: ({ data }) => `child ${child(data)} ${endWords(data)}`,
  child_joined: ({ data }) => `goes on with the end of its child ${data.name.replace(/^\$\w+\./, '')}`,
};

/** The starter of an execution: a caller, or its parent. */
export function starterWords(requestedBy: string): string {
  return requestedBy.replace(/^parent:/, 'its parent ');
}

function endWords(end: HistoryEvent<'child_finished'>['data']): string {
  if (end.state === 'FAILED') return `FAILED: ${errorWords(end.error)}`;
  if (end.state !== 'CANCELLED') return end.state;
  return `CANCELLED by ${end.requestedBy}${causeWords(end.cause)}${reasonWords(end.reason)}`;
}

function child(link: { readonly workflowName: string; readonly executionId: string }): string {
  return `${link.workflowName} ${link.executionId}`;
}
