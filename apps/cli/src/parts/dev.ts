export { defaultDataDir, startDevServer } from '@flux/dev-server';
