import type { IncomingMessage, ServerResponse } from 'node:http';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { COUNTERS, type CounterName, DURATIONS, type DurationName, GAUGES, type GaugeName } from './catalogue.ts';
import type { NodeMetrics } from './metrics.ts';

/** Seconds: from the tenth of a millisecond of a small model to the minute of a large one. */
const BUCKETS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60];

/** A figure has at most so many combinations of labels: what is beyond them is counted under `other`. */
const MOST_SERIES = 200;

/** A gauge as it is read. */
interface Watched {
  readonly labels: Readonly<Record<string, string>>;
  readonly read: () => number;
}

export interface PrometheusMetrics extends NodeMetrics {
  /** Everything in the text format of Prometheus (0.0.4). */
  readonly text: () => Promise<string>;
  /** Answers GET /metrics. @returns false: not mine */
  readonly route: (request: IncomingMessage, response: ServerResponse) => boolean;
}

const entriesOf = <T extends object>(table: T): [keyof T, T[keyof T]][] => Object.entries(table) as [keyof T, T[keyof T]][];

/** Counts for Prometheus, what Node tells of the process included (event loop, memory, processor, descriptors). */
export const prometheusMetrics = (): PrometheusMetrics => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counters = new Map<CounterName, Counter>(
    entriesOf(COUNTERS).map(([key, { name, help, labels }]) => [key, new Counter({ name, help, labelNames: [...labels], registers })]),
  );
  const durations = new Map<DurationName, Histogram>(
    entriesOf(DURATIONS).map(([key, { name, help, labels }]) => [
      key,
      new Histogram({ name, help, labelNames: [...labels], buckets: BUCKETS, registers }),
    ]),
  );
  const watched = new Map<GaugeName, Watched[]>();
  for (const [key, { name, help, labels }] of entriesOf(GAUGES)) {
    const all: Watched[] = [];
    watched.set(key, all);
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers,
      collect() {
        this.reset();
        for (const { labels: own, read } of all) {
          const value = read();
          if (Number.isFinite(value)) this.set(own, value);
        }
      },
    });
  }

  const seen = new Map<string, Set<string>>();
  /** The labels, or `other` where there are more of them than a figure may have. */
  const bounded = (name: string, labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
    const of = seen.get(name) ?? new Set<string>();
    seen.set(name, of);
    const key = Object.values(labels).join('\0');
    if (of.has(key)) return labels;
    if (of.size >= MOST_SERIES) return Object.fromEntries(Object.keys(labels).map((label) => [label, 'other']));
    of.add(key);
    return labels;
  };

  const text = (): Promise<string> => registry.metrics();
  return {
    count: (name, by, ...[labels]) => {
      if (by >= 0 && Number.isFinite(by)) counters.get(name)?.inc(bounded(name, labels ?? {}), by);
    },
    time: (name, seconds, ...[labels]) => {
      if (Number.isFinite(seconds)) durations.get(name)?.observe(bounded(name, labels ?? {}), seconds);
    },
    watch: (name, read, ...[labels]) => void watched.get(name)?.push({ labels: bounded(name, labels ?? {}), read }),
    text,
    route: (request, response) => {
      const [path] = (request.url ?? '').split('?');
      if (path !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
      text().then(
        (body) => {
          response.writeHead(200, { 'content-type': registry.contentType });
          response.end(request.method === 'HEAD' ? undefined : body);
        },
        () => {
          response.writeHead(500);
          response.end();
        },
      );
      return true;
    },
  };
};
