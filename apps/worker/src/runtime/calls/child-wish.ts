import type { ChildStart } from '@flux/contracts';
import { labelsFault } from '@flux/contracts/plain';
import { PARENT_CANCEL_POLICIES } from '@flux/domain';
import { isWorkflow, toMilliseconds, type ChildOptions } from '@flux/sdk';
import { v7 as uuid, validate as isUuid } from 'uuid';
import { encode, type Encoded } from '../values/encoding.js';

const WORKFLOW_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const OPTIONS: readonly string[] = ['onParentCancel', 'executionId', 'labels', 'timeout'];

const EMPTY: Encoded = { json: {} };

/** The wish of a call, before it is known whether it is recorded already. */
export type ChildWish = Omit<ChildStart, 'shielded'>;

/**
 * The child that a call describes.
 * @throws TypeError, RangeError, FluxError `INVALID_DURATION`, `VALUE_TOO_DEEP` or `PAYLOAD_TOO_LARGE`
 */
export function childWish(
  called: boolean,
  workflow: unknown,
  input: unknown,
  options: ChildOptions = {},
  limitBytes: number,
): ChildWish {
  const workflowName: unknown = isWorkflow(workflow) ? workflow.name : workflow;
  if (typeof workflowName !== 'string' || !WORKFLOW_NAME.test(workflowName)) {
    throw new TypeError('a child is a workflow, or the name of one');
  }
  const what = `child '${workflowName}'`;
  const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(`${what} has no option '${unknown}'; it has ${OPTIONS.join(', ')}`);
  }
  const { onParentCancel = 'wait', executionId, labels = {}, timeout } = options;
  if (!PARENT_CANCEL_POLICIES.includes(onParentCancel)) {
    throw new TypeError(`${what}: onParentCancel is one of ${PARENT_CANCEL_POLICIES.join(', ')}`);
  }
  const id = executionId ?? uuid();
  if (!isUuid(id)) throw new TypeError(`${what}: executionId is a UUID, not '${id}'`);
  const fault = labelsFault(labels);
  if (fault !== undefined) throw new TypeError(`${what}: ${fault}`);
  const timeoutMs = timeout === undefined ? null : toMilliseconds(timeout);
  if (timeoutMs === 0) throw new RangeError(`${what}: timeout is longer than 0`);
  // A call without an input has an empty one, as over REST.
  const { json, types } = input === undefined ? EMPTY : encode(input, `the input of ${what}`, limitBytes);
  return {
    executionId: id.toLowerCase(),
    workflowName,
    onParentCancel,
    input: json,
    ...(types && { inputTypes: types }),
    labels: { ...labels },
    timeoutMs,
    called,
  };
}
