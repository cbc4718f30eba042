export {
  EmbeddedPostgresError,
  defaultDataDir,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres.js';
export { startDevServer, type DevServer, type DevServerOptions } from './dev-server.js';
