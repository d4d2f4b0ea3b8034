export { noMetrics, type NodeMetrics } from './metrics.ts';
