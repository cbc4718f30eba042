export {
  readWorkerSettings,
  workerSettings,
  type WorkerProcessSettings,
  type WorkerSettings,
} from './settings.js';
export { createLogger, startWorker, type RunningWorker, type WorkerOptions } from './worker.js';
