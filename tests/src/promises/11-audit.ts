import type { ExecutionResource } from '@flux/contracts';
import { samplesOf } from '../support/told.js';
import { faultsOf, Lab } from './lab.js';
import { count, type Figure, type Proof, type Scale } from './proof.js';

const ACTOR = 'script:audit';

async function play(scale: Scale): Promise<Figure[]> {
  return Lab.with({ workers: ['one'] }, async (lab) => {
    const size = scale.pick(5, 200);
    const executions = [
      ...(await lab.begin('waiting', { where: 'held' }, size)),
      ...(await lab.begin('waiting', { where: 'asleep' }, size)),
      ...(await lab.begin('ending', { cleanup: 'failed' }, size)),
    ];
    const reason = (execution: ExecutionResource): string => `because of ${execution.executionId}`;
    await Promise.all(
      executions.map((execution) =>
        lab.rest.request(
          'POST',
          `/workflows/${execution.workflowName}/executions/${execution.executionId}/cancel`,
          {
            body: { reason: reason(execution) },
            headers: { 'flux-actor': ACTOR },
          },
        ),
      ),
    );
    await lab.stuck(executions, 60_000);
    const told = await lab.told();
    const untold = told.filter(({ execution, events }) => {
      const { cancellation } = execution;
      const asked = events.find(({ type }) => type === 'cancel_requested');
      const steps = [
        cancellation?.requestedAt,
        cancellation?.deliveredAt,
        cancellation?.stoppedAt,
        cancellation?.finalizedAt,
      ];
      const known = [cancellation, asked?.data].every(
        (who) => who?.requestedBy === ACTOR && who.reason === reason(execution) && who.cause === 'request',
      );
      return !known || steps.some((step) => !step);
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
}

export const audit: Proof = { number: 11, promise: 'Audit', play };
