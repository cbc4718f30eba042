import { parseMessage } from '@flux/contracts';
import { BusContext, type Delivery, type Handler, type Outcome } from '@flux/messaging';

/** The keys under which NestJS keeps the pattern and the kind of a handler. */
const PATTERN = 'microservices:pattern';
const KIND = 'microservices:handler_type';
/** `PatternHandler.EVENT` */
const EVENT = 2;

/** Reflect with the functions of `reflect-metadata`, which the controllers have loaded. */
const metadata = Reflect as unknown as { getMetadata(key: string, target: object): unknown };

type Method = (body: unknown, context: BusContext) => unknown;

/** The handlers of controllers, found by their decorators as NestJS finds them, without an application of NestJS. */
export function handlersOf(controllers: readonly object[]): Handler {
  const methods = new Map<string, { readonly handle: Method; readonly isEvent: boolean }>();
  for (const controller of controllers) {
    const prototype = Object.getPrototypeOf(controller) as Record<string, Method>;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const method = prototype[name] as Method;
      const [pattern] = (metadata.getMetadata(PATTERN, method) ?? []) as string[];
      if (pattern === undefined) continue;
      const handle: Method = (body, context) => method.call(controller, body, context);
      methods.set(pattern, { handle, isEvent: metadata.getMetadata(KIND, method) === EVENT });
    }
  }
  return async (delivery: Delivery): Promise<Outcome> => {
    const method = methods.get(delivery.type);
    if (!method) return { kind: 'dead-letter', reason: `no handler for ${delivery.type}` };
    const parsed = parseMessage(delivery.type, delivery.body);
    if (!parsed.ok) return { kind: 'dead-letter', reason: parsed.reason };
    const result = await method.handle(parsed.value, new BusContext([delivery]));
    if (!method.isEvent) return { kind: 'ack', reply: result };
    return (result as Outcome | undefined) ?? { kind: 'ack' };
  };
}
