import type { ChildEndReply, HistoryReply, InputReply, MessageBody } from '@flux/contracts';
import type { Stores } from '../store/ports.js';

/** An answer that keeps neither side busy for long. */
const PAGE = { events: 2_000, bytes: 2 * 1024 ** 2 };

const ANY_SIZE = 2 ** 31 - 1;

/**
 * A page of an execution's history for its owner, beyond the page that came with the claim; nothing for an attempt that
 * is not the execution's present one, or another worker's.
 */
export async function readHistory(
  stores: Stores,
  { after, ...asked }: MessageBody<'history'>,
): Promise<HistoryReply> {
  const { executionId } = asked;
  const pages = await stores.histories.readPages([{ executionId, after }], PAGE);
  // Looked at last: a page that was read before a later attempt began has nothing of that attempt's.
  const owned = await isOwned(stores, asked);
  return { owned, entries: [], ...(owned && pages.get(executionId)) };
}

/** The input of an execution that was too large to come with the claim, likewise. */
export async function readInput(stores: Stores, asked: MessageBody<'input'>): Promise<InputReply> {
  if (!(await isOwned(stores, asked))) return { owned: false, input: null };
  const [row] = await stores.executions.readRowsWithInput([asked.executionId], ANY_SIZE);
  return { owned: true, input: row?.input };
}

/** The end of a child that has that number on an execution's record, likewise. */
export async function readChildEnd(
  stores: Stores,
  { number, ...asked }: MessageBody<'child_end'>,
): Promise<ChildEndReply> {
  if (!(await isOwned(stores, asked))) return { owned: false, entry: null };
  const [entry] = await stores.histories.readChildEnds(asked.executionId, number - 1, 1);
  return { owned: true, entry: entry ?? null };
}

async function isOwned(
  { executions }: Stores,
  { workerId, executionId, attempt }: MessageBody<'input'>,
): Promise<boolean> {
  const [row] = await executions.readRows([executionId]);
  return row?.attempt === attempt && row.workerId === workerId;
}
