export {
  readWorkerSettings,
  workerSettings,
  type WorkerProcessSettings,
  type WorkerSettings,
} from './settings.js';
export { startWorker, type RunningWorker, type WorkerOptions } from './worker.js';
