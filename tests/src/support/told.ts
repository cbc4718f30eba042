import type { CancellationResource, EventResource, ExecutionResource } from '@flux/contracts';

/** What history alone tells of a cancel, but for what the body returned or threw. */
export type ToldCancellation = Omit<CancellationResource, 'bodyOutput' | 'bodyError'>;

/** The cancellation of an ended execution as its history has it, `null` where nobody cancelled it. */
export function cancellationOf(events: readonly EventResource[]): ToldCancellation | null {
  const requested = events.find(({ type }) => type === 'cancel_requested');
  const end = events.at(-1);
  if (!requested || !end) return null;
  const forced = events.findLast(({ type }) => type === 'cancel_forced');
  const delivered = events.find(({ type }) => type === 'cancel_delivered');
  const { requestedBy, reason, cause, deadlineAt } = requested.data;
  const request = {
    requestedAt: requested.at,
    ...{ requestedBy, reason, cause },
    deadlineAt: forced?.data.deadlineAt ?? deadlineAt,
    finalizedAt: end.at,
  };
  const { cleanupError, ...told } = end.data;
  return (
    end.type === 'execution_cancelled'
      ? { ...request, ...told, ...(cleanupError ? { cleanupError } : {}), outcome: 'cancelled' }
      : {
          ...request,
          ...{ deliveredAt: delivered?.data.deliveredAt ?? null, stoppedAt: null },
          ...{ forced: false, cleanup: 'none', outcome: end.data.outcome },
        }
  ) as ToldCancellation;
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
