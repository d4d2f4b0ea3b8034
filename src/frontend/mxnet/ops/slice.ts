import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, int, optionalInt, optionalInts, optionalTuple } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { span } from './util.ts';

const kept = (n: LayerNode, value: ValueId): Made => ({ value, layout: 'file', elem: n.elem(0) });

interface Range {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

/** Indices of begin:end:step along a dimension of `size`, as Python counts them. */
const rangeOf = (n: LayerNode, size: number, begin: number | undefined, end: number | undefined, step = 1): Range => {
  if (step === 0) return n.malformed('a step is 0');
  const bound = (value: number | undefined, fallback: number): number => {
    if (value === undefined) return fallback;
    const index = value < 0 ? value + size : value;
    return step > 0 ? Math.min(Math.max(index, 0), size) : Math.min(Math.max(index, -1), size - 1);
  };
  const from = bound(begin, step > 0 ? 0 : size - 1);
  const to = bound(end, step > 0 ? size : -1);
  const count = Math.ceil((to - from) / step);
  return count > 0 ? { start: from, size: count, step } : n.refuse(`the slice ${begin ?? ''}:${end ?? ''}:${step} of ${size} is empty`);
};

/** The box of a tensor; dimensions without a range stay whole. */
const boxed = (n: LayerNode, x: ValueId, ranges: readonly (Range | undefined)[]): ValueId =>
  n.emit('slice', [x], {
    starts: ranges.map((r) => r?.start ?? 0),
    sizes: ranges.map((r) => r?.size ?? -1),
    steps: ranges.map((r) => r?.step ?? 1),
  });

const slice = (n: LayerNode): Made => {
  const shape = n.shapeOf(0);
  const [begin, end, step] = ['begin', 'end', 'step'].map((name) => optionalTuple(n, name) ?? []);
  if ((begin?.length ?? 0) > shape.length) return n.malformed(`begin has ${begin?.length ?? 0} entries, the rank is ${shape.length}`);
  const ranges = shape.map((size, d) => {
    const bounds = [begin?.[d], end?.[d], step?.[d]] as const;
    return bounds.every((b) => b === undefined) ? undefined : rangeOf(n, size, ...bounds);
  });
  return kept(n, boxed(n, n.x(0), ranges));
};

const sliceAxis = (n: LayerNode): Made => {
  const shape = n.shapeOf(0);
  const axis = n.axis(int(n, 'axis'), shape.length);
  const [begin, end] = [int(n, 'begin'), optionalInt(n, 'end')];
  return kept(
    n,
    boxed(
      n,
      n.x(0),
      shape.map((size, d) => (d === axis ? rangeOf(n, size, begin, end) : undefined)),
    ),
  );
};

/** Cut to the sizes of another tensor, from the start. */
const sliceLike = (n: LayerNode): Made => {
  const [shape, like] = [n.shapeOf(0), n.shapeOf(1)];
  const given = optionalInts(n, 'axes') ?? [];
  const axes = given.length === 0 ? span(0, shape.length) : n.axes(given, shape.length);
  const ranges = shape.map((size, d) => (axes.includes(d) ? rangeOf(n, size, 0, at(like, d)) : undefined));
  return kept(n, boxed(n, n.x(0), ranges));
};

const parts = (n: LayerNode, axis: number, sizes: readonly number[], squeezed: boolean): readonly Made[] =>
  n.emitAll('split', [n.x(0)], { axis, sizes }).map((part) => kept(n, squeezed ? n.emit('squeeze', [part], { axes: [axis] }) : part));

const sliceChannel = (n: LayerNode): readonly Made[] => {
  const shape = n.shapeOf(0);
  const axis = n.axis(int(n, 'axis', 1), shape.length);
  const [count, size] = [int(n, 'num_outputs'), at(shape, axis)];
  if (count < 1 || count > 65_536 || size % count !== 0) return n.malformed(`num_outputs is ${count}, but the axis has ${size} entries`);
  const squeezed = bool(n, 'squeeze_axis', false);
  if (squeezed && size !== count) return n.malformed(`squeeze_axis with parts of ${size / count}`);
  return parts(n, axis, new Array<number>(count).fill(size / count), squeezed);
};

/** By the first index of each part, or into equal sections. */
const splitV2 = (n: LayerNode): readonly Made[] => {
  const shape = n.shapeOf(0);
  const axis = n.axis(int(n, 'axis', 1), shape.length);
  const size = at(shape, axis);
  const [starts, sections] = [optionalInts(n, 'indices') ?? [], int(n, 'sections', 0)];
  const squeezed = bool(n, 'squeeze_axis', false);
  if (sections > 0) {
    if (sections > 65_536 || size % sections !== 0) return n.malformed(`sections is ${sections}, but the axis has ${size} entries`);
    return parts(n, axis, new Array<number>(sections).fill(size / sections), squeezed);
  }
  const edges = [...new Set([0, ...starts]), size];
  const sizes = edges.slice(1).map((e, i) => e - at(edges, i));
  if (sizes.some((s) => s < 0)) return n.malformed(`indices are (${starts.join(', ')}), but the axis has ${size} entries`);
  return parts(n, axis, sizes, squeezed);
};

/** The spatial dimensions cut to h_w or to those of a second input, at offset or around the centre. */
const crop = (n: LayerNode): Made => {
  n.ignore('num_args');
  const shape = n.shapeOf(0);
  if (shape.length !== 4) return n.malformed(`the input is [${shape.join(', ')}]`);
  const wanted = n.inputCount > 1 ? n.shapeOf(1).slice(2) : (optionalInts(n, 'h_w') ?? []);
  n.ignore('h_w');
  const offset = optionalInts(n, 'offset') ?? [0, 0];
  const centred = bool(n, 'center_crop', false);
  const ranges = shape.map((size, d) => {
    if (d < 2) return undefined;
    const length = wanted[d - 2] ?? 0;
    const start = centred ? Math.floor((size - length) / 2) : at(offset, d - 2);
    if (length < 1 || start < 0 || start + length > size) return n.malformed(`${length} of ${size} from ${start} on cannot be cut`);
    return { start, size: length, step: 1 };
  });
  return kept(n, boxed(n, n.x(0), ranges));
};

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

export const slices = {
  slice: one(slice),
  slice_axis: one(sliceAxis),
  slice_like: one(sliceLike),
  SliceChannel: { import: sliceChannel },
  _split_v2: { import: splitV2 },
  Crop: one(crop),
} as const satisfies MxTable;
