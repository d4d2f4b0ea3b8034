import { ASSUMED_CLOCK_MHZ, type CoreConfig, DEFAULT_CONFIG, type PredictedLayer, productsOf } from '../../src/backends/fpga/index.ts';
import { randomSamples } from '../../src/cli/index.ts';
import { at } from '../../src/support/index.ts';
import type { Program, Tensor } from '../../src/ir/index.ts';
import type { Bench } from '../rows.ts';
import { programOf } from '../cpu/prepare.ts';
import { measure, type Measured, trace } from './measure.ts';
import type { FpgaNetwork } from './networks.ts';
import { IMAGE_CLASSIFICATION, publishedText, ZEDBOARD_MHZ } from './published.ts';

const MOST_ERROR = 10;
const LEAST_3X3 = 70;
const LEAST_RESNET50 = 75;
const MOST_SECONDS = 60;
/** The study's third goal, for an array of 1024 products. */
const RESNET50_RATE = 45;
const RESNET50_MHZ = 250;
const RESNET50_MACS = 1024;
/** Channels below which most of a layer's 16 inputs are padding. */
const FEW_CHANNELS = 16;

/** Percent of the products that an array could have made. */
const share = (macs: number, cycles: number, most: number): number => (100 * macs) / (most * cycles);
const sum = (layers: readonly PredictedLayer[], of: (l: PredictedLayer) => number): number => layers.reduce((n, l) => n + of(l), 0);
const shareOf = (layers: readonly PredictedLayer[], most: number): number =>
  share(
    sum(layers, (l) => l.macs),
    sum(layers, (l) => l.cycles),
    most,
  );

const is3x3 = ({ kernel }: PredictedLayer): boolean => kernel.length === 2 && kernel.every((k) => k === 3);

const layerRows = (bench: Bench, network: FpgaNetwork, { prediction, macs, cycles }: Measured, error: number): void => {
  const { title, goals = false, config = DEFAULT_CONFIG } = network;
  const most = productsOf(config);
  const dense = prediction.layers.filter((l) => is3x3(l) && l.channels > 1);
  if (dense.length === 0) return;
  const wide = dense.filter((l) => l.channels >= FEW_CHANNELS);
  const worst = wide.reduce((low, l) => Math.min(low, share(l.macs, l.cycles, most)), 100);
  const value = shareOf(dense, most);
  const how = `cycles by layer are the model's, whose total is ${Math.abs(error).toFixed(2)} % off; the whole run has ${share(macs, cycles, most).toFixed(1)} %`;
  bench.row({
    name: `${title}: array in its ${dense.length} 3x3 convs`,
    value,
    unit: '%',
    ...(goals ? { goal: `>= ${LEAST_3X3}`, met: value >= LEAST_3X3 } : {}),
    peer:
      wide.length === 0
        ? how
        : `the ${wide.length} with ${FEW_CHANNELS} channels or more: ${shareOf(wide, most).toFixed(1)} %, the worst ${worst.toFixed(1)} %; ${how}`,
  });
};

const timeRows = (bench: Bench, network: FpgaNetwork, m: Measured, large: boolean): void => {
  const { title } = network;
  const { cycles, prediction, macs, seconds } = m;
  const error = (100 * (prediction.cycles - cycles)) / cycles;
  const most = network.mostCycles;
  bench.row({
    name: `${title}: cycles on RTL`,
    value: cycles,
    unit: 'cycles',
    peer: `array busy in ${m.arrayCycles}, ${m.instructions} instructions, ${macs} MAC; memory answers after 20 cycles`,
    ...(most === undefined ? {} : { goal: `<= ${most}`, met: cycles <= most }),
  });
  bench.row({
    name: `${title}: predicted cycles are off by`,
    value: error,
    unit: '%',
    goal: `<= ${MOST_ERROR}, aim 1`,
    met: Math.abs(error) <= MOST_ERROR,
    peer: `${prediction.cycles} predicted`,
  });
  const config = network.config ?? DEFAULT_CONFIG;
  const used = share(macs, cycles, productsOf(config));
  const goal = network.name.startsWith('resnet50') ? { goal: `>= ${LEAST_RESNET50}`, met: used >= LEAST_RESNET50 } : {};
  bench.row({
    name: `${title}: MAC utilisation of the whole run`,
    value: used,
    unit: '%',
    ...goal,
    peer: `of ${productsOf(config)} MAC a cycle, processor steps included; ${onChipKib(config)} KiB on chip`,
  });
  layerRows(bench, network, m, error);
  bench.row({
    name: `${title}: time at ${ASSUMED_CLOCK_MHZ} MHz (assumed)`,
    value: cycles / ASSUMED_CLOCK_MHZ / 1000,
    unit: 'ms',
    peer: `${((ASSUMED_CLOCK_MHZ * 1e6) / cycles).toFixed(1)} inferences/s; no clock was ever met on silicon`,
  });
  bench.row({
    name: `${title}: simulation of the RTL on one core`,
    value: seconds,
    unit: 's',
    ...(large ? { goal: `<= ${MOST_SECONDS}`, met: seconds <= MOST_SECONDS } : {}),
    peer: `${(cycles / seconds / 1000).toFixed(0)} kcycles/s of processor time`,
  });
  if (network.name === 'resnet8') rateRow(bench, title, cycles);
  if (network.name.startsWith('resnet50')) largeRateRow(bench, title, cycles, productsOf(config));
};

/** Inferences a second at the clock of the fastest published system of its class. */
const rateRow = (bench: Bench, title: string, cycles: number): void => {
  const value = (ZEDBOARD_MHZ * 1e6) / cycles;
  bench.row({
    name: `${title}: inferences/s at ${ZEDBOARD_MHZ} MHz (assumed)`,
    value,
    unit: '/s',
    peer: `published: ${publishedText(IMAGE_CLASSIFICATION)}; ours INT8, simulated, never placed or routed`,
  });
};

const largeRateRow = (bench: Bench, title: string, cycles: number, products: number): void => {
  const value = (RESNET50_MHZ * 1e6) / cycles;
  bench.row({
    name: `${title}: inferences/s at ${RESNET50_MHZ} MHz (assumed)`,
    value,
    unit: '/s',
    ...(products === RESNET50_MACS ? { goal: `>= ${RESNET50_RATE}`, met: value >= RESNET50_RATE } : {}),
    peer: `${products} MAC a cycle; simulated, never placed or routed; published: three DPU B4096 (6144 MAC a cycle) on a ZCU102, 175/s (PG338)`,
  });
};

/** Memories of a core, in KiB. */
const onChipKib = ({ groups, scratchBeats, weightEntries, parameterBeats, icacheLines, dcacheLines }: CoreConfig): number => {
  return (16 * groups * scratchBeats + 256 * weightEntries + 16 * parameterBeats + 64 * (icacheLines + dcacheLines)) / 1024 + 2;
};

const traceRows = (
  bench: Bench,
  { title, config = DEFAULT_CONFIG }: FpgaNetwork,
  program: Program,
  inputs: readonly Tensor[],
  m: Measured,
  both: boolean,
): void => {
  const { verilog, simulator, outputsEqual } = trace(program, inputs, m.outputs, config, both);
  const wrong = verilog.tensors.filter((t) => t.wrong > 0).length;
  const least = verilog.tensors.reduce((n, t) => Math.min(n, t.distinct), Number.POSITIVE_INFINITY);
  const weak = verilog.weak.length === 0 ? '' : `; ${verilog.weak.length} with fewer than 3 different values prove little`;
  const simulated = simulator === undefined ? '' : `; simulator: ${simulator.difference ?? 'all equal'}`;
  const met = wrong === 0 && simulator?.difference === undefined;
  bench.row({
    name: `${title}: tensors of layers on RTL equal to the reference`,
    value: verilog.tensors.length - wrong,
    unit: 'tensors',
    goal: `= ${verilog.tensors.length}`,
    met,
    peer:
      verilog.difference ??
      `${verilog.values} values, ${verilog.bytes} bytes, at least ${least} different values a tensor${weak}${simulated}`,
  });
  bench.row({
    name: `${title}: bytes of outputs`,
    value: outputsEqual ? 'equal' : 'different',
    unit: '',
    goal: 'equal',
    met: outputsEqual,
    peer: 'program as it ships, against the reference interpreter',
  });
};

/** All rows of a network. @param large - has goals of seconds; its layers are compared on the RTL alone */
export const networkRows = (bench: Bench, network: FpgaNetwork, large: boolean): void => {
  const path = network.package(bench);
  if (path === undefined) {
    bench.row({ name: network.title, unit: '', skipped: 'its model is in the data folder (CORTEXC_DATA), which is not on this machine' });
    return;
  }
  const program = programOf(path);
  const inputs = at(randomSamples(program, 1), 0);
  bench.say(`${network.title}: run`);
  const m = measure(program, inputs, network.config ?? DEFAULT_CONFIG);
  timeRows(bench, network, m, large);
  bench.say(`${network.title}: layers`);
  traceRows(bench, network, program, inputs, m, !large);
};
