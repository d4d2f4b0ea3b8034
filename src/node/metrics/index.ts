export { noMetrics, type NodeMetrics } from './metrics.ts';
export { prometheusMetrics, type PrometheusMetrics } from './prometheus.ts';
