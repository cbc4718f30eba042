import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';

/** JSON lines on standard output, or on `destination`. Never log inputs, outputs, headers or URLs with queries. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: null, serializers: { err: errorFacts } };
  return destination === undefined ? pino(options) : pino(options, destination);
}

interface ErrorFacts {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorFacts;
}

/**
 * What is logged of an error. Only these members: a database error also carries the statement's parameters, and so
 * the caller's input.
 */
export function errorFacts(error: unknown, depth = 0): ErrorFacts {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const code = (error as { code?: unknown }).code;
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && depth < 3 && { cause: errorFacts(error.cause, depth + 1) }),
  };
}

/** Where Nest logs a fault of the boot that it also throws; whoever starts the api renders it. */
const THROWN_TOO: ReadonlySet<string> = new Set(['ExceptionHandler', 'NestApplication']);

/** Nest's own messages, as lines of our log. Its account of the boot is debug: it is about Nest, not about Flux. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.logger.debug(context(rest), text(message));
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.logger.debug(context(rest), text(message));
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.logger.trace(context(rest), text(message));
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn(context(rest), text(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    const facts = { ...context(rest), ...(message instanceof Error && { err: message }) };
    const level = THROWN_TOO.has(facts.context ?? '') ? 'debug' : 'error';
    this.logger[level](facts, text(message));
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.logger.fatal({ ...context(rest), ...(message instanceof Error && { err: message }) }, text(message));
  }
}

/** Nest passes the name of the class that logs as the last argument. */
function context(rest: readonly unknown[]): { context?: string } {
  const last = rest.at(-1);
  return typeof last === 'string' ? { context: last } : {};
}

function text(message: unknown): string {
  return message instanceof Error ? message.message : String(message);
}
