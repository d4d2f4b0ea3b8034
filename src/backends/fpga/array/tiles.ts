import { type ArrayTiming, computeCycles, loadCycles, storeCycles, TURN_CYCLES } from '../simulator/array-cycles.ts';
import { MODES, RESULTS } from '../isa/commands.ts';
import type { ArraySize } from '../isa/config.ts';
import { type ArrayConfig, ENTRY_BEATS } from './config.ts';
import { resultBeats, type Task, type Tensor16, type View } from './task.ts';

/** What of a tensor is on chip as a whole, and at which beat. */
export type Residents = ReadonlyMap<Tensor16, number>;

/** Beats that are free for tiles. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** How a task is cut. */
export interface Tiling {
  /** Output rows and columns of a tile. */
  readonly rows: number;
  readonly columns: number;
  /** Beats that a tile takes of the gap. */
  readonly input: number;
  readonly addend: number;
  readonly output: number;
  /** Tiles that have a place at once. */
  readonly buffers: number;
  /** Blocks whose weights are loaded together; all weights stay where they are when `whole`. */
  readonly blocks: number;
  readonly whole: boolean;
  /** Estimate. */
  readonly cycles: number;
}

/** Output rows and columns of a task. */
export const outputSize = ({ output, rowCount }: Task): readonly [number, number] => [rowCount, output.buffer.width];

/** Whether only every so many rows (0) or columns (1) are read at all. */
export const skips = (task: Task, axis: 0 | 1): boolean => task.kernel[axis] === 1 && task.stride[axis] > 1 && task.begin[axis] === 0;

/** Input rows or columns that `count` outputs read, padding included. */
export const reach = (task: Task, axis: 0 | 1, count: number): number =>
  axis === 1 && task.phases !== undefined
    ? sizeOf(task, 1)
    : skips(task, axis)
      ? count
      : (count - 1) * task.stride[axis] + (task.kernel[axis] - 1) * task.dilation[axis] + 1;

const sizeOf = (task: Task, axis: 0 | 1): number => (axis === 0 ? task.input.buffer.height : task.input.buffer.width);

/** Beats of the input of a tile. */
const inputBeats = (task: Task, rows: number, columns: number): number => {
  const [h, w] = [Math.min(reach(task, 0, rows), sizeOf(task, 0)), Math.min(reach(task, 1, columns), sizeOf(task, 1))];
  return Math.max(h, 1) * Math.max(w, 1) * task.input.beats * (task.input.buffer.planes ?? 1);
};

/** Whether outputs have no neighbours in their windows, so that rows and columns may be one. */
export const isPointwise = (task: Task): boolean => task.kernel[0] * task.kernel[1] === 1 && task.phases === undefined;

/** Cycles of a compute command for a tile of a task. */
const tileCycles = (task: Task, rows: number, columns: number, size: ArraySize): number => {
  if (isPointwise(task)) return partCycles(task, 1, 1, rows * columns, size);
  return (task.phases ?? [{ kernel: task.kernel[1] }]).reduce(
    (sum, { kernel }, _, all) => sum + partCycles(task, kernel, rows, Math.ceil(columns / all.length), size),
    0,
  );
};

const partCycles = (task: Task, kernelX: number, rows: number, columns: number, size: ArraySize): number =>
  computeCycles(
    {
      op: 'compute',
      mode: MODES.indexOf(task.mode),
      result: RESULTS.indexOf(task.result),
      add: task.addition === undefined ? 0 : 1,
      table: task.table === undefined ? 0 : 1,
      kernel_y: task.kernel[0],
      kernel_x: kernelX,
      inputs: task.inputs,
      blocks: task.outputBlocks,
      rows,
      columns,
    },
    size,
  );

type Move = (lines: number, beats: number, timing: ArrayTiming) => number;

/** Cycles to move a tile of a view with so many pixels. */
const viewCycles = (move: Move, view: View, pixels: number, timing: ArrayTiming): number =>
  view.beats === view.buffer.pitch ? move(1, pixels * view.beats, timing) : move(pixels, view.beats, timing);

/** Numbers of strips that are tried. */
const strips = (rows: number): readonly number[] => {
  const counts = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 384, 512];
  return [...counts.filter((n) => n < rows), rows];
};

const MOST_BUFFERS = 3;

/** Beats of weights that are loaded at once: while the layer before is worked on. */
const FEW_WEIGHTS = 2400;

/** How weights are loaded: all before or during the first tile, or some blocks at a time for every tile. */
const weightBlocks = (task: Task, config: ArrayConfig): { readonly blocks: number; readonly whole: boolean } | undefined => {
  const entries = task.weights?.entries ?? 0;
  const { weightEntries, parameterBlocks } = config;
  if (entries > weightEntries) return undefined;
  const whole = entries * task.outputBlocks <= weightEntries && task.outputBlocks <= parameterBlocks;
  // of many weights the first blocks are soon there, and the others come while those are worked on
  const few = entries * task.outputBlocks * ENTRY_BEATS <= FEW_WEIGHTS;
  if (whole) return { blocks: few ? task.outputBlocks : Math.ceil(task.outputBlocks / 4), whole };
  const half = entries === 0 ? task.outputBlocks : Math.max(Math.floor(weightEntries / 2 / entries), 1);
  return { blocks: Math.min(half, Math.max(Math.floor(parameterBlocks / 2), 1), task.outputBlocks), whole };
};

/** The tiling of a task with the fewest cycles; undefined where no tile of all output blocks fits. */
export const chooseTiling = (
  task: Task,
  config: ArrayConfig,
  timing: ArrayTiming,
  residents: Residents,
  gap: Gap,
  stored: boolean,
): Tiling | undefined => {
  const weights = weightBlocks(task, config);
  if (weights === undefined) return undefined;
  const [height, width] = outputSize(task);
  const free = gap.to - gap.from;
  const { input, output, addition } = task;
  const isOut = (view: View): boolean => !residents.has(view.buffer);
  const weightCycles = task.weights === undefined ? 0 : loadCycles(1, task.weights.entries * ENTRY_BEATS * task.outputBlocks, timing);
  let best: Tiling | undefined;
  for (let columns = width; best === undefined; columns = Math.ceil(columns / 2)) {
    for (const count of strips(height)) {
      const rows = Math.ceil(height / count);
      const tile = {
        input: isOut(input) ? inputBeats(task, rows, columns) : 0,
        addend: addition !== undefined && isOut(addition.view) ? rows * columns * task.outputBlocks : 0,
        output: isOut(output) ? rows * columns * task.outputBlocks * resultBeats(task) : 0,
      };
      const beats = tile.input + tile.addend + tile.output;
      const tiles = Math.ceil(height / rows) * Math.ceil(width / columns) * task.images;
      const buffers = beats === 0 ? 1 : Math.min(MOST_BUFFERS, tiles, Math.floor(free / beats));
      if (buffers === 0) continue;
      const load =
        (tile.input === 0 ? 0 : viewCycles(loadCycles, input, tile.input / input.beats, timing)) +
        (tile.addend === 0 || addition === undefined ? 0 : viewCycles(loadCycles, addition.view, rows * columns, timing));
      const store = tile.output === 0 && !stored ? 0 : viewCycles(storeCycles, output, rows * columns, timing);
      const compute = tileCycles(task, rows, columns, config);
      const ends = 2 * timing.readLatency + TURN_CYCLES + (load > 0 ? load : 0) + (store > 0 ? store + timing.writeLatency : 0);
      const loads = tiles * load + (weights.whole ? weightCycles : tiles * weightCycles);
      const apart = Math.max(loads, tiles * compute, tiles * store) + ends + tiles * TURN_CYCLES;
      const cycles = buffers === 1 && tiles > 1 ? Math.max(loads, tiles * (load + compute + store + ends)) : apart;
      if (best === undefined || cycles < best.cycles) best = { rows, columns, ...tile, buffers, ...weights, cycles };
    }
    if (columns === 1) break;
  }
  return best;
};
