import { MESSAGE_LIMIT_BYTES } from '@flux/contracts';
import type { ConsumeMessage } from 'amqplib';
import { keepHeapLean } from '../lean-heap.js';

const PART = 'x-flux-part';
const PARTS = 'x-flux-parts';

/** How long the parts of an unfinished message are kept after the last of them; milliseconds. */
const KEEP_MS = 60_000;

interface Part {
  readonly content: Buffer;
  /** Absent where the message is whole. */
  readonly headers: Record<string, number> | undefined;
}

/** The messages in which a content travels, in their order. */
export function* partsOf(content: Buffer): Iterable<Part> {
  const count = Math.ceil(content.length / MESSAGE_LIMIT_BYTES);
  if (count <= 1) yield { content, headers: undefined };
  else {
    keepHeapLean();
    for (let index = 0; index < count; index += 1) {
      const start = index * MESSAGE_LIMIT_BYTES;
      const part = content.subarray(start, start + MESSAGE_LIMIT_BYTES);
      yield { content: part, headers: { [PART]: index, [PARTS]: count } };
    }
  }
}

/** The parts of one content so far. A first part begins anew; a part without the part before is passed over. */
export class Assembly {
  #parts: Buffer[] = [];

  /** The whole content, with its last part. */
  add(message: ConsumeMessage): Buffer | undefined {
    const { content } = message;
    const headers = headersOf(message);
    if (headers?.[PARTS] === undefined) return content;
    if (headers[PART] === 0) this.#parts = [];
    if (headers[PART] !== this.#parts.length) return undefined;
    keepHeapLean();
    this.#parts.push(content);
    return this.#parts.length === headers[PARTS] ? Buffer.concat(this.#parts) : undefined;
  }
}

/** The unfinished contents of many senders, by the id that their parts share. */
export class Assemblies {
  readonly #open = new Map<string, { readonly assembly: Assembly; readonly expiry: NodeJS.Timeout }>();

  add(message: ConsumeMessage): Buffer | undefined {
    if (headersOf(message)?.[PARTS] === undefined) return message.content;
    const id = String(message.properties.correlationId);
    let open = this.#open.get(id);
    if (!open) {
      open = { assembly: new Assembly(), expiry: setTimeout(() => this.#open.delete(id), KEEP_MS).unref() };
      this.#open.set(id, open);
    }
    const whole = open.assembly.add(message);
    if (whole) this.#forget(id);
    else open.expiry.refresh();
    return whole;
  }

  clear(): void {
    for (const id of [...this.#open.keys()]) this.#forget(id);
  }

  #forget(id: string): void {
    clearTimeout(this.#open.get(id)?.expiry);
    this.#open.delete(id);
  }
}

function headersOf({ properties }: ConsumeMessage): Record<string, unknown> | undefined {
  return properties.headers;
}
