import type { LoggerService } from '@nestjs/common';
import { FluxError } from '@flux/domain';
import { pino, type DestinationStream, type Logger } from 'pino';

/** JSON lines on standard output, or on `destination`. Never log inputs, outputs, headers or URLs with queries. */
export function createLogger(level: string, destination: DestinationStream = standardOutput()): Logger {
  return pino({ level, base: null, serializers: { err: errorFacts } }, destination);
}

/** What cannot be written there, as to a terminal that is gone, ends no api. */
function standardOutput(): DestinationStream {
  const output = pino.destination(1);
  output.on('error', () => undefined);
  return output;
}

/**
 * The members of an error that are logged, and no others: a database error also carries the statement's parameters,
 * and so the caller's input.
 */
function errorFacts(error: unknown, depth = 0): object {
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

/** The context in which Nest logs a fault of the boot that it also throws; whoever starts the api renders it. */
const THROWN_TOO: ReadonlySet<unknown> = new Set(['ExceptionHandler', 'NestApplication']);

/** An outage is told once, by the database itself, and not again by each message that waits for it. */
const isOutage = (error: unknown): boolean =>
  error instanceof FluxError && error.code === 'DATABASE_UNAVAILABLE';

/** Nest's own messages, as lines of our log. Its account of the boot is debug: it is about Nest, not about Flux. */
export function nestLogger(logger: Logger): LoggerService {
  const at =
    (level: 'trace' | 'debug' | 'warn' | 'error' | 'fatal') =>
    (message: unknown, ...rest: unknown[]): void => {
      // Nest passes the name of the class that logs as the last argument.
      const context = rest.at(-1);
      const isToldElsewhere = level === 'error' && (THROWN_TOO.has(context) || isOutage(message));
      const isError = message instanceof Error;
      const facts = { ...(typeof context === 'string' && { context }), ...(isError && { err: message }) };
      logger[isToldElsewhere ? 'debug' : level](facts, isError ? message.message : String(message));
    };
  return {
    log: at('debug'),
    debug: at('debug'),
    verbose: at('trace'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  };
}
