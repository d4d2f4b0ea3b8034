import type { Ratio } from './interleave.ts';
import type { Spec } from './ours.ts';

/** `1 thread, batch 8` */
export const howText = ({ threads, batch }: Pick<Spec, 'threads' | 'batch'>): string =>
  `${threads} ${threads === 1 ? 'thread' : 'threads'}, batch ${batch}`;

/** 10^9 multiply-accumulates a second. */
export const gmacs = (macs: number, ms: number): number => macs / ms / 1e6;

/** `5.02 ms`, `1310 ms` */
export const msText = (ms: number): string => `${ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3)} ms`;

/** `5.02 ms, 69.6 GMAC/s` */
export const speedText = (macs: number, ms: number): string => `${msText(ms)}, ${gmacs(macs, ms).toFixed(1)} GMAC/s`;

/** `12 rounds, 0.97 to 1.04`: how many, and where the middle half of them lies. */
export const ratioText = ({ rounds, quartiles: [low, high] }: Ratio): string => `${rounds} rounds, ${low.toFixed(2)} to ${high.toFixed(2)}`;
