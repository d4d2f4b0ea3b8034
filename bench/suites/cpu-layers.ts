import type { Peak } from '../../src/backends/index.ts';
import { goalCells } from '../cpu/goals.ts';
import { interleave } from '../cpu/interleave.ts';
import { absence, compileOurs, TARGETS, type Target } from '../cpu/ours.ts';
import { networkOf } from '../cpu/network.ts';
import { ARCHITECTURES } from '../cpu/networks/architectures.ts';
import { best, nativePeaks, wasmPeak } from '../cpu/peaks.ts';
import type { Step } from '../cpu/steps.ts';
import { gmacs } from '../cpu/text.ts';
import type { Bench } from '../rows.ts';
import { bytesRow } from './cpu-throughput.ts';

const SECONDS = 2;
const PERCENT = 100;
/** Shares of the peak: native of the fastest instruction of the processor, wasm of the instruction that it uses. */
const GOALS: Readonly<Record<Target, number>> = { native: 50, wasm: 60 };
export const LAYERS = ['layer-14', 'layer-28', 'layer-1x1'] as const;
/** The goals are about the 3 x 3 layers; the 1 x 1 one shows the matrix product alone. */
const WITHOUT_GOAL: readonly string[] = ['layer-1x1'];

type Peaks = Readonly<Record<Target, Peak | undefined>>;

/** Processors without it have another instruction at their peak, which the row of the share names. */
const VNNI = 'vpdpbusd';
const DOTPROD = 'sdot';

const tellPeaks = async (bench: Bench): Promise<Peaks> => {
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
    if (!one.peaks.some((p) => p.instruction.includes(VNNI) || p.instruction.startsWith(DOTPROD)))
      bench.row({ name: `peak of one core: ${VNNI}`, unit: 'GMAC/s', skipped: 'this processor has no VNNI' });
  }
  const wasm = await wasmPeak();
  if (wasm === undefined)
    bench.row({ name: 'peak of one core through WebAssembly', unit: 'GMAC/s', skipped: 'the backend cannot measure it here' });
  else bench.row({ name: `peak of one core through WebAssembly: ${wasm.instruction}`, value: wasm.gmacs, unit: 'GMAC/s' });
  return { native: 'missing' in one ? undefined : best(one.peaks), wasm };
};

const share = async (bench: Bench, layer: (typeof LAYERS)[number], target: Target, peak: Peak | undefined): Promise<void> => {
  const network = await networkOf(bench, layer);
  const plain = WITHOUT_GOAL.includes(layer);
  const name = `${network.title}, ${target}: share of the peak (${peak?.instruction ?? 'unknown'})`;
  const missing = absence(target) ?? (peak === undefined ? 'there is no peak to compare with' : undefined);
  if (missing !== undefined || peak === undefined) {
    bench.row({
      name,
      unit: '%',
      ...(plain ? {} : { goal: `>= ${GOALS[target]}` }),
      ...(missing === undefined ? {} : { skipped: missing }),
    });
    return;
  }
  const ours = await compileOurs(network, { target, threads: 1, batch: 1 });
  const rounds = await interleave([ours], { seconds: SECONDS });
  const speed = gmacs(network.macs, rounds.ms(ours));
  const value = (PERCENT * speed) / peak.gmacs;
  // counted as of the plain convolution: Winograd's F(4 x 4, 3 x 3) does a quarter of the products, so more than 100 % is possible
  const peer = `${speed.toFixed(1)} ${plain ? '' : 'nominal (Winograd does fewer) '}of ${peak.gmacs.toFixed(1)} GMAC/s`;
  bench.row({ name, value, unit: '%', peer, ...goalCells(plain ? undefined : { least: GOALS[target] }, value) });
  bytesRow(bench, `${network.title}, ${target}`, ours);
  ours.close();
};

/** The 3 x 3 convolution of 256 channels alone, against what the core can do from registers, measured in the same run. */
export const layerSteps = (): readonly Step[] => {
  let peaks: Peaks = { native: undefined, wasm: undefined };
  return [
    {
      name: 'peaks of a core',
      seconds: 3,
      run: async (bench) => {
        peaks = await tellPeaks(bench);
      },
    },
    ...LAYERS.flatMap((name) =>
      TARGETS.map((target): Step => {
        const run = async (bench: Bench): Promise<void> => share(bench, name, target, peaks[target]);
        return { name: `${ARCHITECTURES[name].title}, ${target}`, seconds: SECONDS + 1, run };
      }),
    ),
  ];
};
