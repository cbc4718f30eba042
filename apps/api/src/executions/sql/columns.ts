/** A timestamp as epoch milliseconds, which JavaScript reads without parsing a date. */
export function millis(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::float8`;
}

/** The columns of an ExecutionRow, of the table alias `e`. */
export const ROW_COLUMNS = `
  e.id, e.workflow_name AS "workflowName", e.workflow_version AS "workflowVersion", e.state, e.version, e.attempt, e.worker_id AS "workerId",
  e.claim_id AS "claimId", e.checkpoint_seq AS "checkpointSeq", e.last_event_seq AS "lastEventSeq",
  ${millis('e.started_at')} AS "startedAt", ${millis('e.finished_at')} AS "finishedAt",
  ${millis('e.timeout_at')} AS "timeoutAt", e.grace_period_ms AS "gracePeriodMs", e.cancellation, e.parking,
  e.parent_link AS parent, e.children,
  ${millis('e.next_dispatch_at')} AS "nextDispatchAt", e.dispatch_count AS "dispatchCount",
  e.runner_losses AS "runnerLosses"`;

/** The columns of an ExecutionRecord, of the table alias `e`. */
export const RECORD_COLUMNS = `${ROW_COLUMNS},
  e.input, e.output, e.error, e.labels, e.parent_execution_id AS "parentExecutionId",
  e.root_execution_id AS "rootExecutionId",
  ${millis('e.created_at')} AS "createdAt"`;
