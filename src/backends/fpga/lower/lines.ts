import { type Context, Slot } from '../../cpu/simd/index.ts';
import { byteSum } from '../array/accumulators.ts';
import { blocksOf, LANES } from '../array/config.ts';
import type { Task, View, Weights } from '../array/task.ts';
import { BYTES } from './finish.ts';
import { BEAT, LazyTensor } from './homes.ts';
import { type ConvWeights, type LineWindow, linePhases, packDot, packLines } from './weights.ts';

// A conv of few channels reads beats of which it uses a part: of a picture in planes, the columns of its kernel out of 16. The array itself can
// bring those together first: products with 0 and 1 put the columns and channels of a window row on lanes, and the conv has a beat of them for
// each row of its kernel instead of a beat for each row and plane.

/** Cycles of the array for a beat of results that are rescaled. */
const FINISH_CYCLES = 4;
/** What has to be saved, so that transfers and commands are made up for. */
const WORTH = 0.9;

/** A conv over lines of a picture. */
export interface LineConv {
  /** All but its weights, whose steps and inputs are those of pixels. */
  readonly task: Task;
  readonly weights: ConvWeights;
  readonly window: LineWindow;
  readonly planes: number;
}

const meanEntries = (window: LineWindow, planes: number): number => {
  const { phases } = linePhases(window, planes);
  return phases.reduce((n, p) => n + p.entries, 0) / phases.length;
};

/** Inputs of a window row on lanes, and beats of them. */
const rowOf = ({ weights, window }: LineConv): { readonly inputs: number; readonly beats: number } => {
  const inputs = weights.inputs * window.kernel[1];
  return { inputs, beats: blocksOf(inputs) };
};

/** Whether the array is faster when it brings inputs together first. */
const isWorth = (conv: LineConv): boolean => {
  const { task, window, planes } = conv;
  const { beats } = rowOf(conv);
  const row = { ...window, kernel: [1, window.kernel[1]] as const };
  const { width } = task.output.buffer;
  const results = task.rowCount * width * task.outputBlocks;
  const direct = results * Math.max(meanEntries(window, planes), FINISH_CYCLES);
  const first = task.input.buffer.height * width * beats * meanEntries(row, planes);
  const second = results * Math.max(window.kernel[0] * beats, FINISH_CYCLES);
  return first + second < WORTH * direct;
};

/** Entries of output blocks as constants of the program. */
export const weightsAt = (ctx: Context, bytes: Uint8Array, blocks: number): Weights => ({
  slot: ctx.table(bytes),
  offset: 0,
  entries: bytes.length / (LANES * LANES) / blocks,
});

/** Weights that put input i on lane i. */
const ones = (inputs: number): Uint8Array => Uint8Array.from({ length: inputs * inputs }, (_, i) => (i % (inputs + 1) === 0 ? 1 : 0));

/** Weights [outputs][channels][rows][columns] as [outputs][channels][columns][rows]. */
const turned = ({ data, outputs, inputs }: ConvWeights, [rows, columns]: LineWindow['kernel']): ConvWeights => {
  const result = new Int8Array(outputs * inputs * rows * columns);
  for (let k = 0; k < outputs * inputs; k++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) result[(k * columns + x) * rows + y] = data[(k * rows + y) * columns + x] ?? 0;
  return { data: result, outputs, inputs: inputs * columns, taps: rows };
};

/** A task whose taps are beats of lines. */
const overLines = (ctx: Context, task: Task, weights: ConvWeights, window: LineWindow, planes: number): Task => {
  const { phases, step } = linePhases(window, planes);
  return {
    ...task,
    inputs: planes,
    stride: [task.stride[0], step],
    dilation: [task.dilation[0], 1],
    phases,
    weights: weightsAt(ctx, packLines(weights, window, planes, phases), task.outputBlocks),
  };
};

/** The tasks of a conv over lines of a picture. */
export const lineTasks = (ctx: Context, conv: LineConv): readonly Task[] => {
  const { task, weights, window, planes } = conv;
  if (!isWorth(conv)) return [overLines(ctx, task, weights, window, planes)];
  const { inputs, beats } = rowOf(conv);
  const [rows, columns] = window.kernel;
  const { images, height } = task.input.buffer;
  const slot = new Slot(images * height * task.output.buffer.width * beats * BEAT);
  const between: View = {
    buffer: new LazyTensor({ images, height, width: task.output.buffer.width }, beats, () => slot),
    first: 0,
    beats,
  };
  const gather: Task = {
    mode: 'dot',
    ...BYTES,
    input: task.input,
    output: between,
    inputImage: 0,
    outputImage: 0,
    images,
    firstRow: 0,
    rowCount: height,
    inputs: planes,
    inputStep: 0,
    outputBlocks: beats,
    kernel: [1, columns],
    stride: [1, task.stride[1]],
    dilation: [1, task.dilation[1]],
    begin: [0, task.begin[1]],
    pad: task.pad,
    mostSum: byteSum(1),
  };
  const picked: ConvWeights = { data: ones(inputs), outputs: inputs, inputs: weights.inputs, taps: columns };
  const second: Task = {
    ...task,
    input: between,
    inputs: beats,
    kernel: [rows, 1],
    stride: [task.stride[0], 1],
    dilation: [task.dilation[0], 1],
    begin: [task.begin[0], 0],
    weights: weightsAt(ctx, packDot(turned(weights, window.kernel)), task.outputBlocks),
  };
  return [overLines(ctx, gather, picked, { ...window, kernel: [1, columns] }, planes), second];
};
