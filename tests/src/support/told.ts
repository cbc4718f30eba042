import type { CancellationResource, EventResource, ExecutionResource } from '@flux/contracts';
import { ofType } from './history.js';

/** A cancel as history alone tells it, but for what the body returned or threw. */
type ToldCancellation = Omit<CancellationResource, 'bodyOutput' | 'bodyError'>;

/** The cancellation of an ended execution as its history has it, `null` where nobody cancelled it. */
function cancellationOf(events: readonly EventResource[]): ToldCancellation | null {
  const [requested] = ofType(events, 'cancel_requested');
  const end = events.at(-1);
  if (!requested || !end) return null;
  const { requestedBy, reason, cause, deadlineAt } = requested.data;
  const request = {
    requestedAt: requested.at,
    requestedBy,
    reason,
    cause,
    deadlineAt: deadlineIn(events) ?? deadlineAt,
    finalizedAt: end.at,
  };
  if (end.type === 'execution_cancelled') {
    const { cleanupError, deliveredAt = null, stoppedAt = null, ...told } = end.data;
    const how = { ...told, deliveredAt, stoppedAt, ...(cleanupError && { cleanupError }) };
    return { ...request, ...how, outcome: 'cancelled' };
  }
  const deliveredAt = ofType(events, 'cancel_delivered')[0]?.data.deliveredAt ?? null;
  const outcome = 'outcome' in end.data ? (end.data.outcome ?? null) : null;
  return { ...request, deliveredAt, stoppedAt: null, forced: false, cleanup: 'none', outcome };
}

/** Whether a body has yet to hear of the cancel after it. Who loses what it does not tell of has no heir. */
function isHandOn({ type, data }: EventResource): boolean {
  return type === 'execution_handed_back' || (type === 'worker_lost' && !('reason' in data));
}

/** The deadline that the history gives last: by force, or to the body that heard of the cancel last and was not lost. */
function deadlineIn(events: readonly EventResource[]): string | undefined {
  const forced = ofType(events, 'cancel_forced').at(-1);
  if (forced) return forced.data.deadlineAt;
  const heard = ofType(events, 'cancel_delivered').at(-1);
  const isHandedOn = events.some((event) => event.seq > (heard?.seq ?? 0) && isHandOn(event));
  return isHandedOn ? undefined : heard?.data.deadlineAt;
}

/** Differences between what an ended execution says of its cancel and what its history does; none when both agree. */
export function toldFaults(execution: ExecutionResource, events: readonly EventResource[]): string[] {
  const { bodyOutput: _output, bodyError: _error, ...answered } = execution.cancellation ?? {};
  const told = (execution.cancellation && cancellationOf(events)) ?? {};
  const [one, other] = [new Map(Object.entries(answered)), new Map(Object.entries(told))];
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((field) => {
    const [here, there] = [one, other].map((map) => JSON.stringify(map.get(field)));
    return here === there
      ? []
      : [`${execution.executionId}: ${field} is ${here}, and ${there} in its history`];
  });
}

/** The samples of a Prometheus text, by name and labels as they stand there. */
export function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}
