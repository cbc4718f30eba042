import { Controller, Get, Inject, Param } from '@nestjs/common';
import type { WorkerPage, WorkflowPage, WorkflowResource } from '@flux/contracts';
import { FLEET_SERVICE, type FleetService } from '../fleet/fleet-service.js';
import { workflowNamePipe } from './validation.js';

@Controller()
export class FleetController {
  constructor(@Inject(FLEET_SERVICE) private readonly fleet: FleetService) {}

  @Get('workflows')
  async workflows(): Promise<WorkflowPage> {
    return this.fleet.workflows();
  }

  @Get('workflows/:workflowName')
  async workflow(@Param('workflowName', workflowNamePipe) workflowName: string): Promise<WorkflowResource> {
    return this.fleet.workflow(workflowName);
  }

  @Get('workers')
  async workers(): Promise<WorkerPage> {
    return this.fleet.workers();
  }
}
