/**
 * Makes docs/model/transitions.pml from the transition table of libs/domain, so that the formal model decides states
 * by the table that the code decides by.
 */
import { EXECUTION_STATES, TRANSITIONS } from '../libs/domain/dist/index.js';

const HEADER = `/*
 * The transition table of libs/domain/src/transitions.ts as macros: the state that a trigger leads to in execution e,
 * or REFUSED. Facts are macros of flux.pml. Written by npm run generate; a test fails when it differs from the table.
 */
`;

function target(transition) {
  if (transition.kind === 'move') return transition.to;
  if (transition.kind === 'refuse') return 'REFUSED';
  return `(${transition.on}(e) -> ${target(transition.yes)} : ${target(transition.no)})`;
}

function macro([trigger, cells]) {
  const taken = EXECUTION_STATES.map((state) => [state, target(cells[state])]);
  const cases = taken.filter(([, to]) => to !== 'REFUSED');
  const lines = cases.map(([state, to]) => `  (row[e].state == ${state} -> ${to} : \\\n`);
  return `#define to_${trigger}(e) \\\n${lines.join('')}  REFUSED${')'.repeat(cases.length)}\n`;
}

/** The text that the file should have. */
export function modelTransitions() {
  const states = [...EXECUTION_STATES, 'REFUSED'].map((state, index) => `#define ${state} ${index}\n`);
  return [HEADER, states.join(''), ...Object.entries(TRANSITIONS).map(macro)].join('\n');
}
