export * from './cancellations.js';
export * from './history.js';
export * from './messages.js';
export * from './problems.js';
export * from './rest.js';
export * from './settings.js';
export * from './topology.js';
export * from './values.js';
