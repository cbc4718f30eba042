import type { ChildEndReply, HistoryReply, InputReply, MessageBody } from '@flux/contracts';
import type { CancellationService } from '../bulk-cancels/cancellation-service.js';
import type { CheckpointApplier } from '../executions/checkpoint.js';
import type { Claimer } from '../executions/claim.js';
import type { ExecutionService } from '../executions/execution-service.js';
import type { StoredTexts } from '../executions/stored-texts.js';
import type { ByHandService } from '../fleet/by-hand.js';
import type { FleetService } from '../fleet/fleet-service.js';
import type { OwnerLoss } from '../fleet/owner-loss.js';
import type { WorkerSessions } from '../fleet/worker-sessions.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import type { ScheduleService } from '../schedules/schedule-service.js';
import type { ExecutionHub } from '../updates/execution-hub.js';

/** The core's parts as others use them, and its life. */
export interface Core {
  readonly executions: ExecutionService;
  readonly cancellations: CancellationService;
  readonly fleet: FleetService;
  readonly byHand: ByHandService;
  readonly schedules: ScheduleService;
  readonly claimer: Claimer;
  readonly texts: StoredTexts;
  readonly checkpoints: CheckpointApplier;
  readonly sessions: WorkerSessions;
  readonly loss: OwnerLoss;
  readonly hub: ExecutionHub;
  readonly metrics: CoreMetrics;
  /** A page of an execution's history for its owner. */
  readHistory(request: MessageBody<'history'>): Promise<HistoryReply>;
  /** The input of an execution for its owner. */
  readInput(request: MessageBody<'input'>): Promise<InputReply>;
  /** The end of a child for the owner of its parent. */
  readChildEnd(request: MessageBody<'child_end'>): Promise<ChildEndReply>;
  /** Starts what runs by itself. */
  start(): void;
  /** Ends what runs by itself and whoever waits; requests and messages are still answered. */
  quiesce(): Promise<void>;
  /** Waits for what is under way and disconnects from the database. */
  close(): Promise<void>;
}

/** Injection token of the {@link Core}. */
export const CORE = Symbol('Core');
