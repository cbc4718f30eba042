import {
  bulkCancelBody,
  bulkCancelPage,
  bulkCancelResource,
  bulkItemPage,
  bulkItemResource,
  bulkPreviewResource,
  eventBody,
  eventReceipt,
  cancelBody,
  cancellationResource,
  createScheduleBody,
  emptyBody,
  errorInfo,
  eventPage,
  eventResource,
  executionPage,
  executionResource,
  firePage,
  fireResource,
  healthResource,
  pauseBody,
  problem,
  resumeBody,
  scheduleBody,
  schedulePage,
  scheduleResource,
  startBody,
  workerPage,
  workerResource,
  workflowPage,
  workflowResource,
} from '@flux/contracts';
import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

const RESPONSES = {
  Execution: executionResource,
  ExecutionPage: executionPage,
  Cancellation: cancellationResource,
  BulkCancel: bulkCancelResource,
  BulkCancelPage: bulkCancelPage,
  BulkPreview: bulkPreviewResource,
  EventReceipt: eventReceipt,
  BulkItem: bulkItemResource,
  BulkItemPage: bulkItemPage,
  ErrorInfo: errorInfo,
  Event: eventResource,
  EventPage: eventPage,
  Schedule: scheduleResource,
  SchedulePage: schedulePage,
  Fire: fireResource,
  FirePage: firePage,
  Workflow: workflowResource,
  WorkflowPage: workflowPage,
  Worker: workerResource,
  WorkerPage: workerPage,
  Health: healthResource,
  Problem: problem,
} as const;
export type ResponseSchemaName = keyof typeof RESPONSES;

const REQUESTS = {
  StartRequest: startBody,
  CancelRequest: cancelBody,
  BulkCancelRequest: bulkCancelBody,
  EventRequest: eventBody,
  PauseRequest: pauseBody,
  ResumeRequest: resumeBody,
  CreateScheduleRequest: createScheduleBody,
  ScheduleRequest: scheduleBody,
  EmptyRequest: emptyBody,
} as const;
export type RequestSchemaName = keyof typeof REQUESTS;

/** Where a named schema stands in the document. */
export const schemaRef = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

/** Every named schema: what callers may send, and what they are sent. */
export function componentSchemas(): Record<string, JsonSchema> {
  return { ...named(REQUESTS, 'input'), ...named(RESPONSES, 'output') };
}

/** The JSON schemas of a query's parameters as callers may send them, by name. */
export function parameterSchemas(query: z.ZodObject): Record<string, JsonSchema> {
  const { properties = {} } = z.toJSONSchema(query, { io: 'input', override: simplify });
  return properties as Record<string, JsonSchema>;
}

function named(
  schemas: Readonly<Record<string, z.ZodType>>,
  io: 'input' | 'output',
): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const generated = z.toJSONSchema(registry, {
    io,
    uri: (id) => `#/components/schemas/${id}`,
    override: (context) => {
      simplify(context);
      // A client must not break on a member that a later version adds to an answer.
      if (io === 'output' && context.jsonSchema.additionalProperties === false) {
        delete context.jsonSchema.additionalProperties;
      }
    },
  });
  return Object.fromEntries(
    Object.entries(generated.schemas).map(([id, { $schema: _dialect, $id: _id, ...schema }]) => [id, schema]),
  );
}

/** A format says what zod's page-long pattern says. */
function simplify({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
}
