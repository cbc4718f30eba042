import { Inject, Injectable } from '@nestjs/common';
import type { HealthResource } from '@flux/contracts';
import { BUS, type Bus } from '@flux/messaging';
import { FLEET_SERVICE, type FleetService } from '../fleet/fleet-service.js';

/** A database that takes longer is as good as down to whoever asks. */
const DATABASE_TIMEOUT_MS = 2000;

/**
 * Whether this replica can serve: its database answers. A broker that is down is shown and does not count, as starts
 * and cancels are taken all the same and delivered on its return.
 */
@Injectable()
export class Readiness {
  constructor(
    @Inject(FLEET_SERVICE) private readonly fleet: FleetService,
    @Inject(BUS) private readonly bus: Bus,
  ) {}

  async check(): Promise<HealthResource> {
    const database = (await this.databaseUp()) ? 'up' : 'down';
    return {
      status: database,
      checks: { database, broker: this.bus.state === 'connected' ? 'up' : 'down' },
    };
  }

  private async databaseUp(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), DATABASE_TIMEOUT_MS);
    });
    const answer = this.fleet.databaseUp().catch(() => false);
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }
}
