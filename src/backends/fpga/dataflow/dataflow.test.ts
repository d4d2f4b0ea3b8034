import { describe, expect, test } from '@jest/globals';
import { at, unwrap } from '../../../support/index.ts';
import { findTool } from '../sim/toolchain.ts';
import { type DataflowProgram, dataflowProgram } from './index.ts';
import { checkPipeline, expectedOf, framesFor } from './testing/compare.ts';
import { type NetworkName, NETWORKS } from './testing/networks.ts';

// Pipelines of small networks against the reference: every stream between stages, frames back to back, pauses at both ends.

const has = findTool('iverilog').ok;
if (!has) console.warn('Pipelines are not simulated: there is no iverilog (Debian: apt-get install iverilog).');
const simulated = has ? describe : describe.skip;

const NAMES = Object.keys(NETWORKS) as readonly NetworkName[];
/** Fewest values that a stream of some length has: a comparison of constants would be empty. */
const DISTINCT = 8;

const pipelineOf = (name: NetworkName, targetCycles: number): DataflowProgram =>
  unwrap(dataflowProgram(NETWORKS[name](), { targetCycles }));

test.each(NAMES)('streams of %s are not nearly constant', (name) => {
  const d = pipelineOf(name, 4000);
  const { taps } = expectedOf(d, framesFor(d.source, 2));
  const distinct = taps.map((t) => new Set(at(t, 0).data).size);
  d.taps.forEach((t, k) => {
    const softmax = k >= d.inputs.length && at(d.pipeline.stages, k - d.inputs.length).stage === 'softmax';
    expect(at(distinct, k)).toBeGreaterThanOrEqual(softmax ? 2 : Math.min(DISTINCT, t.stream.count / 2));
  });
});

/** With few products at once and with many. */
const CASES: readonly (readonly [NetworkName, number])[] = [
  ['lenet', 4000],
  ['residual', 1200],
  ['separable', 1500],
  ['corners', 2000],
  ['corners', 700],
  ['line', 600],
  ['line', 140],
];

simulated('on iverilog', () => {
  test.each(CASES)('%s in %i cycles: every stream, predicted interval', (name, target) => {
    const d = pipelineOf(name, target);
    expect(d.timing.interval).toBeLessThanOrEqual(target);
    const frames = 4;
    const wrong = checkPipeline(d, frames, { simulator: 'iverilog' }, ({ ended, began }, { stallIn, stallOut }) => {
      expect(ended.length).toBe(frames);
      if (stallIn !== undefined || stallOut !== undefined) return;
      const interval = (at(ended, frames - 1) - at(ended, 1)) / (frames - 2);
      expect(Math.abs(interval / d.timing.interval - 1)).toBeLessThanOrEqual(0.01);
      // the prediction is of frames that come at the pace of the interval, and may begin earlier here
      expect(at(ended, 0) - at(began, 0)).toBeLessThanOrEqual(d.timing.latency * 1.01);
    });
    expect(unwrap(wrong)).toBeUndefined();
  });
});
