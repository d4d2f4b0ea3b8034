import type { CounterLabels, CounterName, DurationLabels, DurationName, GaugeLabels, GaugeName } from './catalogue.ts';

/** The arguments after a name: labels only where the figure has some. */
type WithLabels<L, Rest extends readonly unknown[] = []> = L extends undefined ? Rest : [...Rest, labels: L];

/**
 * Where the parts of a node count what they do. It is for people who watch the node: nothing on the consensus path reads it, and none of
 * its methods throws. The figures that there are stand in catalogue.ts.
 */
export interface NodeMetrics {
  /** Adds to a counter. */
  count<N extends CounterName>(name: N, by: number, ...labels: WithLabels<CounterLabels<N>>): void;
  /** Tells how long something took. */
  time<N extends DurationName>(name: N, seconds: number, ...labels: WithLabels<DurationLabels<N>>): void;
  /** Gives the current value of a gauge, whenever somebody looks. */
  watch<N extends GaugeName>(name: N, read: () => number, ...labels: WithLabels<GaugeLabels<N>>): void;
}

/** Counts nothing. */
export const noMetrics: NodeMetrics = {
  count: () => undefined,
  time: () => undefined,
  watch: () => undefined,
};
