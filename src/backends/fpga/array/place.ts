import type { Extent } from './schedule.ts';
import type { Task, View } from './task.ts';
import { reach, skips } from './tiles.ts';

/** Rows or columns of a tensor that are on chip. */
export interface Span {
  /** First one in the tensor. */
  readonly from: number;
  readonly count: number;
  /** From one to the next in the tensor. */
  readonly step: number;
}

/** Where rows and columns of a view lie on chip. */
export interface Place {
  /** Beat of the first row and column. */
  readonly base: number;
  readonly rows: Span;
  readonly columns: Span;
  /** Beats from a row, and from a pixel, to the next. */
  readonly rowBeats: number;
  readonly pixelBeats: number;
  readonly extent: Extent;
}

/** Input rows (0) or columns (1) inside the tensor that outputs from `first` on read; one at least, though padding may be all they read. */
export const spanOf = (task: Task, axis: 0 | 1, first: number, count: number): Span => {
  const { buffer } = task.input;
  const size = axis === 0 ? buffer.height : buffer.width;
  // phases have their windows anywhere
  if (axis === 1 && task.phases !== undefined) return { from: 0, count: size, step: 1 };
  if (skips(task, axis)) return { from: first * task.stride[axis], count, step: task.stride[axis] };
  const start = first * task.stride[axis] - task.begin[axis];
  const from = Math.min(Math.max(start, 0), size - 1);
  const to = Math.max(Math.min(start + reach(task, axis, count), size), from + 1);
  return { from, count: to - from, step: 1 };
};

/** A tile at a beat of the activations, its rows and pixels one behind the other. */
export const tilePlace = (beats: number, planes: number, rows: Span, columns: Span, at: number): Place => {
  const rowBeats = columns.count * beats * planes;
  return {
    base: at,
    rows,
    columns,
    rowBeats,
    pixelBeats: beats,
    extent: { space: 'activations', from: at, to: at + rows.count * rowBeats },
  };
};

/** Rows of a tensor that is on chip as a whole, from beat `at` on. */
export const residentPlace = (view: View, image: number, at: number, rows: Span): Place => {
  const { height, width, pitch } = view.buffer;
  const rowBeats = width * pitch;
  const first = at + image * height * rowBeats;
  const touched = (rows.count - 1) * rows.step + 1;
  return {
    base: first + view.first,
    rows: { from: 0, count: height, step: 1 },
    columns: { from: 0, count: width, step: 1 },
    rowBeats,
    pixelBeats: pitch,
    extent: { space: 'activations', from: first + rows.from * rowBeats, to: first + (rows.from + touched) * rowBeats },
  };
};
