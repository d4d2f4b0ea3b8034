import { MODES, RESULTS } from '../isa/commands.ts';
import { ENTRY_BEATS, PARAMETER_BEATS } from './config.ts';
import type { Place } from './place.ts';
import type { Extent, Item } from './schedule.ts';
import { type Phase, resultBeats, type Task } from './task.ts';
import { isPointwise } from './tiles.ts';

/** A part of a task, and where all it needs is on chip. */
export interface Part {
  /** Output rows and columns. */
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
  /** Output blocks. */
  readonly block: number;
  readonly blocks: number;
  readonly from: Place;
  readonly to: Place;
  readonly addend: Place | undefined;
  /** Entry of the first block's weights, and entries of a block. */
  readonly weightBase: number;
  readonly entries: number;
  readonly parameterBase: number;
  readonly table: number | undefined;
  /** Input blocks that are combined, from which on in `from`. */
  readonly inputs: number;
  readonly firstInput: number;
  /** Whether sums are held for the next command, and go on from the one before. */
  readonly hold: boolean;
  readonly resume: boolean;
  /** The phase of its output columns. */
  readonly phase?: Phase;
}

/** A part by the phases of its columns. */
export const phasesOf = ({ phases }: Task, part: Part): readonly Part[] => {
  if (phases === undefined) return [part];
  return phases.flatMap((phase, p): readonly Part[] => {
    const first = part.column + ((((p - part.column) % phases.length) + phases.length) % phases.length);
    const columns = Math.ceil((part.column + part.columns - first) / phases.length);
    return columns <= 0 ? [] : [{ ...part, column: first, columns, phase }];
  });
};

const WRAP = 0xffff;
const signed = (v: number): number => (v << 16) >> 16;

/** Beats from an output row, and from an output column, to the next. */
type Steps = readonly [y: number, x: number];

/** Beat of an output of the place of a result or an addend. */
const outputBeat = (place: Place, row: number, column: number): number =>
  place.base + (row - place.rows.from) * place.rowBeats + (column - place.columns.from) * place.pixelBeats;

const addendItem = (task: Task, p: Part, [y, x]: Steps): readonly Item[] => {
  const { addition } = task;
  if (addition === undefined || p.addend === undefined || p.hold) return [];
  const { multiplierA, multiplierB, shift, zeroA, zeroB, zero, lo, hi } = addition;
  return [
    {
      command: {
        op: 'addend',
        base: (outputBeat(p.addend, p.row, p.column) + p.block) & WRAP,
        block: 1,
        y: signed(y),
        x: signed(x),
        multiplier_a: multiplierA,
        multiplier_b: multiplierB,
        shift,
        zero_a: zeroA,
        zero_b: zeroB,
        zero,
        lo,
        hi,
      },
      reads: [],
      writes: [],
    },
  ];
};

interface Walk {
  readonly step: number;
  /** Row or column of tap 0 of the first output, and how many there are. */
  readonly start: number;
  readonly size: number;
  /** Rows or columns of the place before that tap. */
  readonly offset: number;
}

/** How the input is walked along rows (0) or columns (1). */
const walkOf = (task: Task, p: Part, axis: 0 | 1): Walk => {
  const span = axis === 0 ? p.from.rows : p.from.columns;
  if (axis === 1 && p.phase !== undefined) {
    const start = p.phase.start + Math.floor(p.column / (task.phases?.length ?? 1)) * task.stride[1];
    return { step: task.stride[1], start, size: task.input.buffer.width, offset: start };
  }
  // only what is read is there
  if (span.step > 1) return { step: 1, start: 0, size: span.count, offset: 0 };
  const start = (axis === 0 ? p.row : p.column) * task.stride[axis] - task.begin[axis];
  const { height, width } = task.input.buffer;
  return { step: task.stride[axis], start, size: axis === 0 ? height : width, offset: start - span.from };
};

/** The loops over outputs of a part. */
interface Outputs {
  readonly rows: number;
  readonly columns: number;
  readonly input: Steps;
  readonly output: Steps;
  readonly addend: Steps;
  readonly y: Walk;
  readonly x: Walk;
}

/** Whether all of a walk is inside. */
const isInside = ({ start, step, size }: Walk, count: number): boolean => start >= 0 && start + (count - 1) * step < size;

/** Loops whose outputs are one row, which groups of lanes divide evenly, where windows have one position and rows are evenly apart. */
const outputsOf = (task: Task, p: Part): Outputs => {
  const [y, x] = [walkOf(task, p, 0), walkOf(task, p, 1)];
  const phases = p.phase === undefined ? 1 : (task.phases?.length ?? 1);
  const stepsIn = ({ rowBeats, pixelBeats }: Place): Steps => [rowBeats, pixelBeats * phases];
  const all: readonly Steps[] = [
    [y.step * p.from.rowBeats, x.step * p.from.pixelBeats],
    stepsIn(p.to),
    p.addend === undefined ? [0, 0] : stepsIn(p.addend),
  ];
  const { rows, columns } = p;
  const unused = p.addend === undefined ? 2 : 3;
  const isRow =
    isPointwise(task) &&
    isInside(y, rows) &&
    isInside(x, columns) &&
    (columns === 1 || all.every(([dy, dx], i) => i >= unused || dy === columns * dx));
  const [input, output, addend] = (isRow ? all.map(([dy, dx]): Steps => [0, columns === 1 ? dy : dx]) : all) as [Steps, Steps, Steps];
  const still: Walk = { step: 0, start: 0, size: 1, offset: 0 };
  if (isRow && rows > 1)
    return {
      rows: 1,
      columns: rows * columns,
      input,
      output,
      addend,
      y: { ...still, offset: y.offset },
      x: { ...still, offset: x.offset },
    };
  return { rows, columns, input: all[0] ?? input, output: all[1] ?? output, addend: all[2] ?? addend, y, x };
};

/** The commands of a part. */
export const computeItems = (task: Task, p: Part): readonly Item[] => {
  const { from, to, addend } = p;
  const outputs = outputsOf(task, p);
  const { y, x } = outputs;
  const base = from.base + y.offset * from.rowBeats + x.offset * from.pixelBeats;
  const bytes = resultBeats(task);
  const reads: Extent[] = [from.extent];
  if (addend !== undefined) reads.push(addend.extent);
  const { entry = 0, entries = p.entries } = p.phase ?? {};
  const [first, last] = [p.weightBase + entry, p.weightBase + (p.blocks - 1) * p.entries + entry + entries];
  if (entries > 0) reads.push({ space: 'weights', from: first * ENTRY_BEATS, to: last * ENTRY_BEATS });
  if (task.parameters !== undefined)
    reads.push({ space: 'parameters', from: p.parameterBase * PARAMETER_BEATS, to: (p.parameterBase + p.blocks) * PARAMETER_BEATS });
  if (p.table !== undefined) reads.push({ space: 'tables', from: p.table * 16, to: (p.table + 1) * 16 });
  const ends = !p.hold;
  return [
    ...addendItem(task, p, outputs.addend),
    {
      command: {
        op: 'compute',
        mode: MODES.indexOf(task.mode),
        result: RESULTS.indexOf(task.result),
        add: ends && addend !== undefined ? 1 : 0,
        table: ends && p.table !== undefined ? 1 : 0,
        table_index: p.table ?? 0,
        hold: p.hold ? 1 : 0,
        resume: p.resume ? 1 : 0,
        in_base: (base + p.block * task.inputStep + p.firstInput) & WRAP,
        out_base: (outputBeat(to, p.row, p.column) + p.block * bytes) & WRAP,
        in_block: signed(task.inputStep),
        out_block: bytes,
        in_y: signed(outputs.input[0]),
        out_y: signed(outputs.output[0]),
        in_x: signed(outputs.input[1]),
        out_x: signed(outputs.output[1]),
        in_ky: signed(task.dilation[0] * from.rowBeats),
        in_kx: signed(task.dilation[1] * from.pixelBeats),
        in_ic: task.input.buffer.planes === undefined ? 1 : p.from.columns.count,
        weight_base: first,
        weight_block: p.entries,
        parameter_base: p.parameterBase,
        blocks: p.blocks,
        rows: outputs.rows,
        columns: outputs.columns,
        inputs: p.inputs,
        kernel_y: task.kernel[0],
        kernel_x: p.phase?.kernel ?? task.kernel[1],
        step_y: y.step,
        step_x: x.step,
        dilation_y: task.dilation[0],
        dilation_x: task.dilation[1],
        pad: task.pad,
        zero: task.zero,
        y0: y.start,
        x0: x.start,
        height: y.size,
        width: x.size,
        lo: task.lo,
        hi: task.hi,
      },
      reads,
      writes: ends ? [to.extent] : [],
    },
  ];
};
