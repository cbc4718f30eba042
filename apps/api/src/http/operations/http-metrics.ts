import { collectDefaultMetrics, Counter, Histogram, type Registry } from 'prom-client';

/** How requests went, by route pattern (never by URL, which would make a series for each execution). */
export class HttpMetrics {
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #durations: Histogram<'method' | 'route'>;

  constructor(registry: Registry) {
    collectDefaultMetrics({ register: registry });
    this.#requests = new Counter({
      name: 'flux_http_requests_total',
      help: 'HTTP requests answered.',
      labelNames: ['method', 'route', 'status'],
      registers: [registry],
    });
    this.#durations = new Histogram({
      name: 'flux_http_request_duration_seconds',
      help: 'Time from the arrival of a request to the end of its answer, streams left out.',
      labelNames: ['method', 'route'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    });
  }

  /** Counts one answered request; `seconds` is undefined for a stream. */
  observe(method: string, route: string, status: number, seconds: number | undefined): void {
    this.#requests.inc({ method, route, status });
    if (seconds !== undefined) this.#durations.observe({ method, route }, seconds);
  }
}
