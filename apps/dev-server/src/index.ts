export { defaultDataDir } from './embedded-postgres.js';
export { startDevServer, type DevServer, type DevServerOptions } from './dev-server.js';
