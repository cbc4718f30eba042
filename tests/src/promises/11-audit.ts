import type { ExecutionResource } from '@flux/contracts';
import { ofType } from '../support/history.js';
import { samplesOf } from '../support/told.js';
import { faultsOf, inLab } from './lab.js';
import { count } from './proof.js';

const ACTOR = 'script:audit';

export const audit = inLab(11, 'Audit', { workers: ['one'] }, async (lab, scale) => {
  const size = scale.pick(5, 200);
  const executions = [
    ...(await lab.begin('waiting', { where: 'held' }, size)),
    ...(await lab.begin('waiting', { where: 'asleep' }, size)),
    ...(await lab.begin('ending', { cleanup: 'failed' }, size)),
  ];
  const ask = ({ workflowName, executionId }: ExecutionResource): Promise<unknown> =>
    lab.rest.request('POST', `/workflows/${workflowName}/executions/${executionId}/cancel`, {
      body: { reason: `because of ${executionId}` },
      headers: { 'flux-actor': ACTOR },
    });
  await Promise.all(executions.map(ask));
  await lab.stuck(executions, 60_000);
  const told = await lab.told();
  const untold = told.filter(({ execution, events }) => {
    const { cancellation } = execution;
    const [asked] = ofType(events, 'cancel_requested');
    const { requestedAt, deliveredAt, stoppedAt, finalizedAt } = cancellation ?? {};
    const reason = `because of ${execution.executionId}`;
    const known = [cancellation, asked?.data].every(
      (who) => who?.requestedBy === ACTOR && who.reason === reason && who.cause === 'request',
    );
    return !known || [requestedAt, deliveredAt, stoppedAt, finalizedAt].some((step) => !step);
  });
  const samples = samplesOf(String((await lab.rest.request('GET', '/metrics')).body));
  const phases = ['delivered', 'stopped', 'finalised'].map(
    (phase) => samples.get(`flux_cancel_seconds_count{phase="${phase}"}`) ?? 0,
  );
  const missing = phases.reduce((sum, counted) => sum + Math.abs(told.length - counted), 0);
  return [
    count(
      `without who, why or the time of a step, ${told.length.toLocaleString('en')} cancels`,
      untold.length,
    ),
    count('steps that the histograms have missed', missing),
    count('answers that differ from history', faultsOf(told).length),
  ];
});
