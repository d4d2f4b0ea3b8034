import { type AnyNode, type Attrs, elementCount, Philox, type Program, type StaticType, type Tensor, typeOf } from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';

/** Input columns that are wanted of one conv or dense. */
export interface PatchRequest {
  /** Place of the layer in `program.nodes`. */
  readonly node: number;
  /** Columns wanted over all samples; fewer when the layer has fewer output positions. */
  readonly rows: number;
}

/**
 * Columns of the input of a layer, as its products read them: rows of `width` values, in order of the samples. For a conv
 * channels x taps with padding as 0, in the order of the weights (channel outer, kernel positions inner); the columns of a
 * group lie side by side. For a dense layer its row.
 */
export interface Patches {
  readonly data: Float32Array;
  readonly rows: number;
  readonly width: number;
}

/** Chosen positions are the same on every machine. */
const SEED = 20_180_628;

/** How a layer's columns lie in its input. */
export interface PatchPlan {
  readonly node: number;
  /** Output positions of one sample: images x output plane for a conv, rows for a dense layer. */
  readonly positions: number;
  readonly width: number;
  /** Rows of the samples before `sample`. */
  readonly rowsBefore: (sample: number) => number;
  /** Writes the column of one output position. */
  readonly write: (x: Tensor, position: number, to: Float32Array, offset: number) => void;
}

/** Row-major index of a flat position. */
const unflatten = (position: number, shape: readonly number[]): number[] => {
  const index = new Array<number>(shape.length).fill(0);
  let rest = position;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = at(shape, axis);
    index[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return index;
};

const convWriter = (x: StaticType, w: StaticType, y: StaticType, a: Attrs<'conv'>): PatchPlan['write'] => {
  const [, channels = 0, ...plane] = x.shape;
  const kernel = w.shape.slice(2);
  const spatial = y.shape.slice(2);
  const outputs = elementCount(spatial);
  const area = elementCount(plane);
  const taps = Array.from({ length: elementCount(kernel) }, (_, t) => unflatten(t, kernel).map((k, d) => k * at(a.dilation, d)));
  return ({ data }, position, to, offset) => {
    const image = Math.floor(position / outputs) * channels * area;
    const corner = unflatten(position % outputs, spatial).map((o, d) => o * at(a.stride, d) - at(a.pads, d));
    taps.forEach((tap, t) => {
      let place = 0;
      let inside = true;
      tap.forEach((k, d) => {
        const i = at(corner, d) + k;
        const size = at(plane, d);
        if (i < 0 || i >= size) inside = false;
        place = place * size + i;
      });
      if (!inside) return;
      for (let c = 0; c < channels; c++) to[offset + c * taps.length + t] = data[image + c * area + place] ?? 0;
    });
  };
};

/** Plans the columns of a layer over `samples` samples: row counts are spread evenly over them. */
export const planPatches = (program: Program, { node: index, rows }: PatchRequest, samples: number): PatchPlan => {
  const node = at(program.nodes as readonly AnyNode[], index);
  const [x, w] = [at(node.operands, 0), at(node.operands, 1)].map((v) => typeOf(program, v) as StaticType);
  const y = typeOf(program, at(node.results, 0)) as StaticType;
  invariant((node.op === 'conv' || node.op === 'dense') && x !== undefined && w !== undefined, 'columns are those of a conv or dense');
  const conv = node.op === 'conv';
  const positions = conv ? at(y.shape, 0) * elementCount(y.shape.slice(2)) : elementCount(y.shape.slice(0, -1));
  const width = conv ? at(x.shape, 1) * elementCount(w.shape.slice(2)) : at(x.shape, x.shape.length - 1);
  const total = Math.min(rows, samples * positions);
  return {
    node: index,
    positions,
    width,
    rowsBefore: (sample) => Math.floor((sample * total) / Math.max(1, samples)),
    write: conv
      ? convWriter(x, w, y, node.attrs as Attrs<'conv'>)
      : ({ data }, position, to, offset) => {
          for (let k = 0; k < width; k++) to[offset + k] = data[position * width + k] ?? 0;
        },
  };
};

/**
 * The columns of one sample: its output positions cut into equal parts, and one position drawn from each by
 * Philox(seed, layer, sample).
 */
export const takePatches = (plan: PatchPlan, x: Tensor, sample: number): Float32Array => {
  const rows = plan.rowsBefore(sample + 1) - plan.rowsBefore(sample);
  const data = new Float32Array(rows * plan.width);
  const random = new Philox(SEED, plan.node, sample);
  for (let r = 0; r < rows; r++) {
    const from = Math.floor((r * plan.positions) / rows);
    const to = Math.floor(((r + 1) * plan.positions) / rows);
    plan.write(x, random.int(from, to - 1), data, r * plan.width);
  }
  return data;
};
