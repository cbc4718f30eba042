export { createLogger } from './http/logging.js';
export { startApi, type RunningApi, type StartApiOptions } from './server.js';
export { apiSettings, embeddedApiSettings, type ApiSettings, type EmbeddedApiSettings } from './settings.js';
