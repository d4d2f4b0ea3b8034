import type { Peak } from '../../src/backends/index.ts';
import { interleave } from '../cpu/interleave.ts';
import { absence, compileOurs, TARGETS, type Target } from '../cpu/ours.ts';
import { best, nativePeaks, wasmPeak } from '../cpu/peaks.ts';
import { gmacs } from '../cpu/text.ts';
import { attempt, type Bench } from '../rows.ts';
import { type Network, prepareNetwork } from './cpu-throughput.ts';

const SECONDS = 2;
const PERCENT = 100;
/** Shares of the peak: native of the fastest instruction of the processor, wasm of the instruction that it uses. */
const GOALS: Readonly<Record<Target, number>> = { native: 50, wasm: 60 };
const LAYERS = ['layer-14', 'layer-28'] as const;

type Peaks = Readonly<Record<Target, Peak | undefined>>;

const measurePeaks = async (bench: Bench): Promise<Peaks> => {
  const one = await nativePeaks(1);
  if ('missing' in one) bench.row({ name: 'peak of one core', unit: 'GMAC/s', skipped: one.missing });
  else {
    const two = await nativePeaks(2);
    one.peaks.forEach(({ instruction, gmacs: value }, i) => {
      const both = 'missing' in two ? undefined : two.peaks[i]?.gmacs;
      bench.row({
        name: `peak of one core: ${instruction}`,
        value,
        unit: 'GMAC/s',
        ...(both === undefined ? {} : { peer: `2 threads: ${both.toFixed(1)}` }),
      });
    });
  }
  const wasm = await wasmPeak();
  if (wasm === undefined)
    bench.row({ name: 'peak of one core through WebAssembly', unit: 'GMAC/s', skipped: 'the backend cannot measure it here' });
  else bench.row({ name: `peak of one core through WebAssembly: ${wasm.instruction}`, value: wasm.gmacs, unit: 'GMAC/s' });
  return { native: 'missing' in one ? undefined : best(one.peaks), wasm };
};

const share = async (bench: Bench, network: Network, target: Target, peak: Peak | undefined): Promise<void> => {
  const name = `${network.title}, ${target}: share of the peak`;
  const goal = `>= ${GOALS[target]}`;
  const missing = absence(target) ?? (peak === undefined ? 'there is no peak to compare with' : undefined);
  if (missing !== undefined || peak === undefined) {
    bench.row({ name, unit: '%', goal, ...(missing === undefined ? {} : { skipped: missing }) });
    return;
  }
  const ours = await compileOurs(network.program, { target, threads: 1, batch: 1 }, network.samples, network.expected);
  const exact = ours.isExact();
  bench.row({ name: `${network.title}, ${target}: bytes`, value: exact ? 'same' : 'DIFFERENT', unit: '', goal: 'same', met: exact });
  const rounds = await interleave([ours], { seconds: SECONDS });
  const speed = gmacs(network.macs, rounds.ms(ours));
  const value = (PERCENT * speed) / peak.gmacs;
  // counted as of the plain convolution: Winograd does fewer (F(2x2, 3x3): 4 of 9), so more than 100 % is possible
  const peer = `${speed.toFixed(1)} nominal (Winograd does fewer) of ${peak.gmacs.toFixed(1)} GMAC/s (${peak.instruction})`;
  bench.row({ name, value, unit: '%', peer, goal, met: value >= GOALS[target] });
  ours.close();
};

/** The 3 x 3 convolution of 256 channels alone, against what the core can do from registers, measured in the same run. */
export const layers = async (bench: Bench): Promise<void> => {
  const peaks = await measurePeaks(bench);
  for (const name of LAYERS)
    await attempt(bench, name, async () => {
      const network = await prepareNetwork(bench, name);
      for (const target of TARGETS) await attempt(bench, `${name}, ${target}`, () => share(bench, network, target, peaks[target]));
    });
};
