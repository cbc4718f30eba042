import { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { FastifyReply } from 'fastify';
import { ResponseMemory } from '../flow/response-memory.js';
import { EventStream } from './event-stream.js';

/** The socket of a reader who takes what was sent when the test says so. */
class SlowSocket extends EventEmitter {
  writableNeedDrain = false;
  readonly written: string[] = [];

  write(text: string): boolean {
    this.written.push(text);
    this.writableNeedDrain = true;
    return false;
  }

  async take(): Promise<void> {
    this.writableNeedDrain = false;
    this.emit('drain');
    await setImmediate();
  }

  setHeader = (): void => undefined;
  flushHeaders = (): void => undefined;
}

test('what is offered to a slow reader, or while others take the memory, is left out', async () => {
  const raw = new SlowSocket();
  const memory = new ResponseMemory(300);
  const stream = new EventStream({ raw, hijack: () => undefined } as unknown as FastifyReply, {
    headers: {},
    memory,
  });
  const offer = (id: number): void => stream.offer({ event: 'progress', json: '1', id });
  offer(1);
  offer(2);
  expect(memory.tryHold(70)).toBeUndefined();
  await raw.take();
  const release = memory.tryHold(70);
  offer(3);
  release?.();
  offer(4);
  expect(raw.written.map((text) => text.split('\n', 1)[0])).toEqual(['id: 1', 'id: 4']);
  raw.emit('close');
});
