export * from './port.js';
export { keepHeapLean } from './lean-heap.js';
export { retryDelayMs } from './delivery-policy.js';
export { createMemoryBroker, type MemoryBroker } from './memory/memory-broker.js';
export type { MemoryBus } from './memory/memory-bus.js';
export type { DeadLetter, MemoryBrokerOptions } from './memory/memory-router.js';
export type { BusLog, RabbitMqOptions } from './rabbitmq/options.js';
export { connectRabbitMq } from './rabbitmq/rabbitmq-bus.js';
export { BUS, BusContext, BusServer, type BusServerOptions, type ParsedBody } from './bus-server.js';
