import { describe, expect, test } from '@jest/globals';
import { createTopology, type MessageBody } from '@flux/contracts';
import { BusUnavailableError, RequestTimeoutError, type Bus } from '@flux/messaging';
import { Claims } from './claims.js';

type Request = MessageBody<'claim'>;

function claims(answer: (request: Request) => unknown): {
  readonly claims: Claims;
  readonly asked: Request[];
} {
  const asked: Request[] = [];
  const request = async (_address: unknown, _type: string, body: unknown): Promise<unknown> => {
    asked.push(body as Request);
    return answer(body as Request);
  };
  const bus = { request } as Partial<Bus> as Bus;
  return { claims: new Claims({ bus, topology: createTopology('test'), workerId: 'w@1' }), asked };
}

const refuse = ({ claims }: Request): unknown => ({
  results: claims.map(({ executionId }) => ({ executionId, granted: false, reason: 'CANCELLING' })),
});

const ids = Array.from({ length: 3 }, () => crypto.randomUUID());

describe('claims', () => {
  test('of one turn travel in one request, each with its own answer', async () => {
    const { claims: them, asked } = claims(refuse);
    const results = await Promise.all(ids.map((id) => them.claim(id, null)));
    expect(results.map((result) => result?.executionId)).toEqual(ids);
    expect(asked.map((request) => request.claims.length)).toEqual([3]);
  });

  test('without an answer are asked again under the same id, by a later delivery too', async () => {
    let failing = 4;
    const { claims: them, asked } = claims((request) => {
      failing -= 1;
      if (failing >= 0) throw new RequestTimeoutError('requests', 1);
      return refuse(request);
    });
    const [id = ''] = ids;
    expect(await them.claim(id, null)).toBeUndefined();
    expect(await them.claim(id, null)).toMatchObject({ granted: false });
    expect(asked).toHaveLength(5);
    expect(new Set(asked.map((request) => request.claims[0]?.claimId)).size).toBe(1);
    await them.claim(id, null);
    expect(asked[5]?.claims[0]?.claimId).not.toBe(asked[0]?.claims[0]?.claimId);
  });

  test('on a lost connection are given up: the delivery comes again', async () => {
    const { claims: them, asked } = claims(() => {
      throw new BusUnavailableError('lost');
    });
    expect(await them.claim(ids[0] ?? '', null)).toBeUndefined();
    expect(asked).toHaveLength(1);
  });
});
