import { MODES, RESULTS } from '../isa/commands.ts';
import { ENTRY_BEATS, PARAMETER_BEATS } from './config.ts';
import type { Place } from './place.ts';
import type { Extent, Item } from './schedule.ts';
import { type Phase, resultBeats, type Task } from './task.ts';

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

/** Beat of an output of the place of a result or an addend. */
const outputBeat = (place: Place, row: number, column: number): number =>
  place.base + (row - place.rows.from) * place.rowBeats + (column - place.columns.from) * place.pixelBeats;

const addendItem = (task: Task, p: Part): readonly Item[] => {
  const { addition } = task;
  if (addition === undefined || p.addend === undefined || p.hold) return [];
  const { multiplierA, multiplierB, shift, zeroA, zeroB, zero, lo, hi } = addition;
  return [
    {
      command: {
        op: 'addend',
        base: (outputBeat(p.addend, p.row, p.column) + p.block) & WRAP,
        block: 1,
        y: signed(p.addend.rowBeats),
        x: signed(p.addend.pixelBeats * (p.phase === undefined ? 1 : (task.phases?.length ?? 1))),
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

/** The commands of a part. */
export const computeItems = (task: Task, p: Part): readonly Item[] => {
  const { from, to, addend } = p;
  const [y, x] = [walkOf(task, p, 0), walkOf(task, p, 1)];
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
    ...addendItem(task, p),
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
        in_y: signed(y.step * from.rowBeats),
        out_y: signed(to.rowBeats),
        in_x: signed(x.step * from.pixelBeats),
        out_x: signed(to.pixelBeats * (p.phase === undefined ? 1 : (task.phases?.length ?? 1))),
        in_ky: signed(task.dilation[0] * from.rowBeats),
        in_kx: signed(task.dilation[1] * from.pixelBeats),
        in_ic: task.input.buffer.planes === undefined ? 1 : p.from.columns.count,
        weight_base: first,
        weight_block: p.entries,
        parameter_base: p.parameterBase,
        blocks: p.blocks,
        rows: p.rows,
        columns: p.columns,
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
