import { expect, it, jest } from '@jest/globals';
import { within } from './within.js';

const never = new Promise<string>(() => undefined);

it('settles as what it waits for, and leaves no timer', async () => {
  jest.useFakeTimers();
  try {
    await expect(within(1_000, Promise.resolve('in time'), () => 'late')).resolves.toBe('in time');
    await expect(within(1_000, Promise.reject(new Error('no')), () => 'late')).rejects.toThrow('no');
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

it('settles as told once its time is up', async () => {
  await expect(within(1, never, () => 'late')).resolves.toBe('late');
  const refuse = () => {
    throw new Error('too late');
  };
  await expect(within(1, never, refuse)).rejects.toThrow('too late');
});
