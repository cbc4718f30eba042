export * from './cancellation.js';
export * from './deadlines.js';
export * from './durations.js';
export * from './errors.js';
export * from './ownership.js';
export * from './retry.js';
export * from './states.js';
export * from './transitions.js';
