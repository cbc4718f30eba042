/** Injection token of the app's pino `Logger`. */
export const LOGGER = Symbol('Logger');

/** Injection token of the prom-client `Registry` of all figures of this app. */
export const METRICS_REGISTRY = Symbol('MetricsRegistry');
