import { setTimeout as wait } from 'node:timers/promises';
import { faultsOf, inLanes, inLab, type Lab } from './lab.js';
import { count } from './proof.js';
import { differing, type Cancelled } from './random-cancels.js';

/** A short execution, and all that can come to it at once, a moment before or after its end. */
async function race(lab: Lab): Promise<Cancelled> {
  const execution = await lab.rest.start('stepping', { steps: 2, pauseMs: 10 });
  const { executionId, workflowName } = execution;
  const path = `/workflows/${workflowName}/executions/${executionId}`;
  const soon = async <T>(act: () => Promise<T>): Promise<T> => {
    // A random moment is the point, not a wait for something.
    await wait(Math.random() * 120);
    return act();
  };
  const [first, second] = await Promise.all([
    soon(() => lab.rest.cancel(execution, Math.random() < 0.5 ? '' : '?mode=sync&timeout=10s')),
    soon(() => lab.rest.cancel(execution)),
    soon(() => lab.rest.request('POST', `${path}/pause`, { body: {} })),
    soon(() => lab.rest.request('POST', `${path}/resume`, { body: {} })),
  ]);
  return { executionId, workflowName, answers: [first, second] };
}

export const racesAreTold = inLab(7, 'Races are told', { workers: ['one'] }, async (lab, scale) => {
  const size = scale.pick(80, 5_000);
  const cancels = await inLanes(Array.from({ length: size }), 40, () => race(lab));
  await lab.allEnd();
  const told = await lab.told();
  const differ = differing(cancels, told);
  const states = new Map<string, number>();
  for (const { execution } of told) states.set(execution.state, (states.get(execution.state) ?? 0) + 1);
  scale.log([...states].map(([state, times]) => `${times} × ${state}`).join(', '));
  for (const line of differ.slice(0, 10)) scale.log(line);
  return [
    count(`answers that differ from history, ${size.toLocaleString('en')} races`, differ.length),
    count('faults in their histories', faultsOf(told).length),
  ];
});
