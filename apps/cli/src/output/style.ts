import { styleText } from 'node:util';
import type { ExecutionState } from '@flux/client';

export type Format = 'bold' | 'cyan' | 'dim' | 'green' | 'magenta' | 'red' | 'yellow';
export type Style = (format: Format, text: string) => string;

interface Screen {
  readonly isTTY?: boolean;
}

/** Colours for a terminal; plain text for a pipe, a file, NO_COLOR and TERM=dumb. */
export function styleFor(screen: Screen, environment: NodeJS.ProcessEnv = process.env): Style {
  const coloured = screen.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
  // styleText would decide by itself in some versions of Node 20, and not in others.
  return coloured ? (format, text) => styleText(format, text, { validateStream: false }) : (_, text) => text;
}

/** Here and not from the contracts, which help and mistakes are told without; a spec compares the states. */
const STATE_FORMATS: Readonly<Record<ExecutionState, Format>> = {
  SCHEDULED: 'dim',
  RUNNING: 'cyan',
  PAUSED: 'dim',
  SLEEPING: 'dim',
  CANCELLING: 'magenta',
  COMPLETED: 'green',
  FAILED: 'red',
  CANCELLED: 'yellow',
};

export const STATES = Object.keys(STATE_FORMATS) as ExecutionState[];

/** True for a state in which nothing happens any more. */
export function hasEnded(state: ExecutionState): boolean {
  return ['COMPLETED', 'FAILED', 'CANCELLED'].includes(state);
}

export function styleState(style: Style, state: ExecutionState): string {
  return style(STATE_FORMATS[state], state);
}

/** A line that cannot steer the terminal: reasons, labels and errors are written by others. */
export function clean(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (character === '\n' || character === '\t') return ' ';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
