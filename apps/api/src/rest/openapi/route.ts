import type { ErrorCode } from '@flux/domain';
import type { z } from 'zod';
import type { RequestSchemaName, ResponseSchemaName } from './schemas.js';

/** An answer that is not a problem. */
export interface RouteResponse {
  readonly description: string;
  readonly schema?: ResponseSchemaName;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Also answered as an event stream, described here. */
  readonly eventStream?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteHeader {
  readonly name: string;
  readonly description: string;
}

/** One operation of the API, as the OpenAPI document describes it. */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** In OpenAPI's notation: `/workflows/{workflowName}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: 'Executions' | 'Cancellations' | 'Schedules' | 'Fleet' | 'Operations';
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  readonly queryDescriptions?: Readonly<Record<string, string>>;
  readonly headers?: readonly RouteHeader[];
  readonly body?: RequestSchemaName;
  readonly responses: Readonly<Record<number, RouteResponse>>;
  /** What it refuses with, besides what every route may answer. */
  readonly problems: readonly ErrorCode[];
}
