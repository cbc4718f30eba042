import { createParamDecorator, Injectable, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  workflowName,
  executionId,
  scheduleId,
  ACTOR_HEADER,
  IDEMPOTENCY_HEADER,
  actor,
  idempotencyKey,
} from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { z } from 'zod';

interface Fault {
  readonly path: string;
  readonly message: string;
}

/** Checks a body, a query or a header against its schema; an absent one is checked as `absent`. */
@Injectable()
export class ZodPipe<S extends z.ZodType> implements PipeTransform<unknown, z.output<S>> {
  constructor(
    private readonly schema: S,
    /** Names the faulty place where it is not a field: a header, or a body that is no object. */
    private readonly name: string,
    private readonly absent?: unknown,
  ) {}

  /** @throws FluxError `INVALID_REQUEST` that names every faulty field, never its value */
  transform(value: unknown): z.output<S> {
    const parsed = this.schema.safeParse(value === undefined ? this.absent : value);
    if (parsed.success) return parsed.data;
    const errors = parsed.error.issues.flatMap((issue) => faultsOf(issue, this.name));
    const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new FluxError('INVALID_REQUEST', detail, { details: { errors } });
  }
}

function faultsOf(issue: z.core.$ZodIssue, name: string): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...issue.path, key].join('.'),
      message: `is not a known field of the ${name}`,
    }));
  }
  const path = issue.path.join('.') || name;
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, message }));
  return [{ path, message: issue.message }];
}

export const bodyPipe = <S extends z.ZodType>(schema: S): ZodPipe<S> => new ZodPipe(schema, 'body', {});
export const queryPipe = <S extends z.ZodType>(schema: S): ZodPipe<S> => new ZodPipe(schema, 'query', {});

/** A request header by its lower-case name; Nest's own decorator takes no pipe. */
export const Header = createParamDecorator(
  (name: string, context: ExecutionContext) =>
    context.switchToHttp().getRequest<FastifyRequest>().headers[name],
);

/** Who calls; without the header, `anonymous`. */
export const actorPipe = new ZodPipe(actor, ACTOR_HEADER, 'anonymous');
export const idempotencyKeyPipe = new ZodPipe(idempotencyKey.optional(), IDEMPOTENCY_HEADER);

/** `Last-Event-ID`: the number of the last event that was seen. */
export const lastEventIdPipe = new ZodPipe(
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be the id of an event')
    .transform(Number)
    .optional(),
  'last-event-id',
);

/** A name that no workflow can have is one that no workflow has. */
export const workflowNamePipe: PipeTransform<string, string> = {
  transform(value) {
    if (workflowName.safeParse(value).success) return value;
    throw new FluxError('WORKFLOW_NOT_FOUND', 'there is no workflow of that name');
  },
};

/** An id that no bulk cancel can have is one that none has. */
export const cancellationIdPipe: PipeTransform<string, string> = {
  transform(value) {
    if (z.uuid().safeParse(value).success) return value.toLowerCase();
    throw new FluxError('CANCELLATION_NOT_FOUND', 'there is no bulk cancel of that id');
  },
};

/** An id that no execution can have is one that no execution has. */
export const executionIdPipe: PipeTransform<string, string> = {
  transform(value) {
    if (executionId.safeParse(value).success) return value.toLowerCase();
    throw new FluxError('EXECUTION_NOT_FOUND', 'there is no execution of that id', {
      hint: 'An execution id is a UUID; GET /executions lists them.',
    });
  },
};

/** A name that no schedule can have is one that no schedule has. */
export const scheduleIdPipe: PipeTransform<string, string> = {
  transform(value) {
    if (scheduleId.safeParse(value).success) return value;
    throw new FluxError('SCHEDULE_NOT_FOUND', 'there is no schedule of that id');
  },
};
