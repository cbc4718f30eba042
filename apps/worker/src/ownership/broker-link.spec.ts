import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { BusUnavailableError, UnroutableError, type Bus, type ConnectionState } from '@flux/messaging';
import { BrokerLink } from './broker-link.js';

const CONTROL = { kind: 'exclusive', name: 'control' } as const;
const LOST_AFTER_MS = 900;

describe('the link to the broker', () => {
  let told: string[] = [];
  let publish: () => Promise<void> = async () => undefined;
  let setState: (state: ConnectionState) => void = () => undefined;
  let stillBlocked: () => void = () => undefined;
  let link: BrokerLink;

  beforeEach(() => {
    jest.useFakeTimers();
    told = [];
    publish = async () => undefined;
    const bus: Partial<Bus> = {
      publish: () => publish(),
      onStillBlocked: (listener) => {
        stillBlocked = listener;
        return () => undefined;
      },
      onStateChange: (listener) => {
        setState = listener;
        return () => undefined;
      },
    };
    link = new BrokerLink({
      bus: bus as Bus,
      control: CONTROL,
      lostAfterMs: LOST_AFTER_MS,
      onProof: () => undefined,
      onLost: () => told.push('lost'),
      onRegained: () => told.push('regained'),
      onMissing: () => told.push('missing'),
    });
    link.watch();
    link.registered();
  });

  afterEach(() => {
    link.close();
    jest.useRealTimers();
  });

  const pass = (milliseconds: number): Promise<void> => jest.advanceTimersByTimeAsync(milliseconds);

  test('stands as long as it is proven', async () => {
    await pass(10_000);
    expect(told).toEqual([]);
  });

  test('that says nothing any more is lost in time, whatever the connection looks like', async () => {
    await pass(1000);
    publish = () => new Promise(() => undefined);
    await pass(LOST_AFTER_MS + 1);
    expect(told).toEqual(['lost']);
  });

  test('stands while the broker blocks and says so, and for 6.5 s after its last word', async () => {
    publish = () => new Promise(() => undefined);
    setState('blocked');
    for (let sign = 0; sign < 20; sign += 1) {
      stillBlocked();
      await pass(5_000);
    }
    expect(told).toEqual([]);
    await pass(1_501);
    expect(told).toEqual(['lost']);
  });

  test.each(['connected', 'disconnected'] as const)(
    'that was blocked and is %s has as long as any other to be proven again',
    async (state) => {
      publish = () => new Promise(() => undefined);
      setState('blocked');
      stillBlocked();
      setState(state);
      await pass(LOST_AFTER_MS - 1);
      expect(told).toEqual([]);
      await pass(2);
      expect(told).toEqual(['lost']);
    },
  );

  test('of which a proof comes late counts from when it was asked for', async () => {
    await pass(1000);
    const ask: Array<() => void> = [];
    publish = () => new Promise((resolve) => ask.push(resolve));
    await pass(700);
    // The proof was asked for about 600 ms ago.
    ask[0]?.();
    await pass(250);
    expect(told).toEqual([]);
    await pass(200);
    expect(told).toEqual(['lost']);
  });

  test('whose connection was cut proves nothing until the api has heard of this worker again', async () => {
    await pass(1000);
    setState('disconnected');
    publish = async () => Promise.reject(new BusUnavailableError('cut'));
    await pass(300);
    publish = async () => undefined;
    await pass(300);
    link.registered();
    await pass(5000);
    expect(told).toEqual([]);
    setState('disconnected');
    await pass(LOST_AFTER_MS + 1);
    expect(told).toEqual(['lost']);
    await pass(5000);
    expect(told).toEqual(['lost']);
    link.registered();
    await pass(1);
    expect(told).toEqual(['lost', 'regained']);
  });

  test('whose control queue is gone asks for a registration, once', async () => {
    await pass(1000);
    publish = async () => Promise.reject(new UnroutableError('control'));
    await pass(400);
    expect(told).toEqual(['missing']);
    publish = async () => undefined;
    link.registered();
    await pass(5000);
    expect(told).toEqual(['missing']);
  });

  test('given up counts again after a registration', async () => {
    await pass(1000);
    link.giveUp();
    await pass(5000);
    expect(told).toEqual([]);
    link.registered();
    await pass(1);
    expect(told).toEqual(['regained']);
  });
});
