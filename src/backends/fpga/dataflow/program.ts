import type { Program } from '../../../ir/index.ts';
import { at, fail, ok, type Result } from '../../../support/index.ts';
import { type SourceFile, sourceFiles, sourceFolder } from '../../source-folder.ts';
import { type Device, deviceByName, DEVICES } from '../devices/index.ts';
import { analyze } from './analyze.ts';
import { type Axis, BENCH_CLOCK, BENCH_MAIN, benchText } from './bench.ts';
import { targetMissed, tooLarge } from './diagnostics.ts';
import { fold, type Folded, possibleTargets } from './fold.ts';
import { lacks, type Need, pipelineNeed } from './resources.ts';
import type { Pipeline } from './stages.ts';
import { type Timing, timingOf } from './timing.ts';
import { elementBits, TOP, verilogOf, type Tap } from './verilog.ts';

export interface DataflowOptions {
  /** The device that the folding is chosen for, when no target is given, and that the pipeline has to fit. */
  readonly device?: Device;
  /** Most cycles from a frame to the next; without, the fewest that the device allows. */
  readonly targetCycles?: number;
}

/** A pipeline with its Verilog. */
export interface DataflowProgram {
  readonly source: Program;
  readonly pipeline: Pipeline;
  readonly device: Device;
  readonly folded: Folded;
  readonly timing: Timing;
  readonly need: Need;
  readonly top: string;
  /** Verilog (top module, the library) and contents of memories: what is synthesized. */
  readonly rtl: readonly SourceFile[];
  readonly roms: readonly SourceFile[];
  /** Bench of AXI-Streams for verilator and event-driven simulators. */
  readonly bench: readonly SourceFile[];
  readonly taps: readonly Tap[];
  readonly inputs: readonly Axis[];
  readonly outputs: readonly Axis[];
  readonly inputLanes: readonly number[];
  readonly outputLanes: readonly number[];
}

const DEFAULT_DEVICE = 'xc7z020';
/** Frames that the memories of the bench have room for. */
export const BENCH_FRAMES = 32;

export const dataflowRtl = (): readonly SourceFile[] => sourceFiles(sourceFolder('fpga/dataflow/rtl/', 'cxd_layer.v'), /^cxd_\w+[.]v$/);

interface Fit {
  readonly folded: Folded;
  readonly timing: Timing;
  readonly need: Need;
}

const fitAt = (pipeline: Pipeline, target: number, device: Device): Fit | undefined => {
  const folded = fold(pipeline, target);
  if (!('foldings' in folded)) return undefined;
  const timing = timingOf(pipeline, folded);
  return { folded, timing, need: pipelineNeed(pipeline, folded, timing, device.family) };
};

const smallestFor = (pipeline: Pipeline, target: number): string | undefined =>
  DEVICES.find((d) => {
    const fit = fitAt(pipeline, target, d);
    return fit !== undefined && lacks(fit.need, d) === undefined;
  })?.name;

/** The fastest folding that the device has room for, by bisection over the cycle counts that are possible. */
const fastest = (pipeline: Pipeline, device: Device): Result<Fit> => {
  const targets = possibleTargets(pipeline);
  const slowest = at(targets, targets.length - 1);
  const least = fitAt(pipeline, slowest, device);
  const missing = least === undefined ? 'no folding' : lacks(least.need, device);
  if (least === undefined || missing !== undefined) return fail(tooLarge(device.name, missing ?? '', smallestFor(pipeline, slowest)));
  let [low, high] = [0, targets.length - 1];
  let best = least;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const fit = fitAt(pipeline, at(targets, middle), device);
    if (fit !== undefined && lacks(fit.need, device) === undefined) [high, best] = [middle, fit];
    else low = middle + 1;
  }
  return ok(best);
};

const choose = (pipeline: Pipeline, device: Device, targetCycles: number | undefined): Result<Fit> => {
  if (targetCycles === undefined) return fastest(pipeline, device);
  const folded = fold(pipeline, targetCycles);
  if (!('foldings' in folded)) return fail(targetMissed(targetCycles, folded.name, folded.least));
  const timing = timingOf(pipeline, folded);
  return ok({ folded, timing, need: pipelineNeed(pipeline, folded, timing, device.family) });
};

const defaultDevice = (): Device => deviceByName(DEFAULT_DEVICE) ?? at(DEVICES, 0);

/**
 * A pipeline for a program: a stage a layer, folded for a target of cycles per frame or for what a device has room for. Errors: FPG0040
 * (an op that has no stage), FPG0041 (the target), FPG0042 (the device), IR0008.
 */
export const dataflowProgram = (program: Program, { device, targetCycles }: DataflowOptions = {}): Result<DataflowProgram> => {
  const analyzed = analyze(program);
  if (!analyzed.ok) return analyzed;
  const pipeline = analyzed.value;
  const on = device ?? defaultDevice();
  const chosen = choose(pipeline, on, targetCycles);
  if (!chosen.ok) return chosen;
  const { folded, timing, need } = chosen.value;
  const missing = device === undefined ? undefined : lacks(need, device);
  if (missing !== undefined) return fail(tooLarge(on.name, missing, smallestFor(pipeline, targetCycles ?? timing.interval)));
  const { top, roms, taps } = verilogOf(pipeline, folded, timing);
  const lanesOf = (source: number): number => taps.find((t) => t.stream.source === source)?.lanes ?? 1;
  const axes = (side: 's' | 'm', ports: Pipeline['inputs']): readonly Axis[] =>
    ports.map(({ stream }, i) => {
      const lanes = lanesOf(stream.source);
      return {
        name: ports.length === 1 ? `${side}_axis` : `${side}${i}_axis`,
        bits: lanes * elementBits(stream),
        words: stream.count / lanes,
      };
    });
  const [inputs, outputs] = [axes('s', pipeline.inputs), axes('m', pipeline.outputs)];
  return ok({
    source: program,
    pipeline,
    device: on,
    folded,
    timing,
    need,
    top: TOP,
    rtl: [top, ...dataflowRtl()],
    roms,
    bench: [benchText(TOP, inputs, outputs, BENCH_FRAMES), BENCH_CLOCK, BENCH_MAIN],
    taps,
    inputs,
    outputs,
    inputLanes: pipeline.inputs.map((p) => lanesOf(p.stream.source)),
    outputLanes: pipeline.outputs.map((p) => lanesOf(p.stream.source)),
  });
};
