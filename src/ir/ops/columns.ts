import { attr } from '../attr.ts';
import { composite, constraint, type InferResult, types, violates } from '../schema.ts';
import { elementCount, isStaticShape, stridesOf, type TensorType } from '../types.ts';
import { MAX_ENTRIES, zeroLines } from './pooling.ts';
import { describe, isOneOf, resultCount } from './util.ts';
import { spatialOf, type Window, windowAttrs, windowOutput, windowProblem } from './window.ts';

/** Windows as columns of a matrix, and back. */

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const pickAt = <T>(list: readonly T[], i: number, otherwise: T): T => list[i] ?? otherwise;
const w2 = { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] };

interface Columns extends Window {
  readonly image: readonly number[];
}

/** For each tap and window position, its element in the padded image. */
const columnOffsets = (a: Columns, padded: readonly number[], positions: readonly number[]): number[] => {
  const strides = stridesOf(padded);
  const grid = (sizes: readonly number[], steps: readonly number[]): number[] =>
    sizes.reduce<number[]>(
      (all, size, d) => all.flatMap((n) => range(size).map((i) => n + i * pickAt(steps, d, 1) * pickAt(strides, d, 1))),
      [0],
    );
  const starts = grid(positions, a.stride);
  return grid(a.kernel, a.dilation).flatMap((tap) => starts.map((start) => start + tap));
};

const paddedImage = (a: Columns): number[] => a.image.map((d, i) => d + pickAt(a.pads, i, 0) + pickAt(a.pads, a.image.length + i, 0));

const inferCol2im = (x: TensorType, a: Columns): InferResult => {
  if (x.shape.length !== 3 || !isStaticShape(x.shape)) return violates('c1', describe('x', x));
  const problem = a.image.length < 1 || a.image.length > 3 ? `image has ${a.image.length} dimensions` : windowProblem(a.image.length, a);
  if (problem !== undefined) return violates('c2', problem);
  const [batch = 1, rows = 1, columns = 1] = x.shape;
  const [taps, positions] = [elementCount(a.kernel), elementCount(windowOutput(a.image, a))];
  if (rows % taps !== 0 || columns !== positions || positions === 0)
    return violates('c3', `${describe('x', x)}, ${taps} taps at ${positions} positions`);
  if (!isOneOf(x, 'i32', 'f32')) return violates('c4', `x is ${x.dtype}`);
  if (taps * positions > MAX_ENTRIES) return violates('c5', `${taps} taps at ${positions} positions`);
  return types({ dtype: x.dtype, shape: [batch, rows / taps, ...a.image] });
};

const inferIm2col = (x: TensorType, a: Window): InferResult => {
  const spatial = spatialOf(x.shape);
  const [batch = 1, channels] = x.shape;
  if (x.shape.length < 3 || x.shape.length > 5 || spatial === undefined || typeof channels !== 'number')
    return violates('c1', describe('x', x));
  const problem = windowProblem(spatial.length, a);
  if (problem !== undefined) return violates('c2', problem);
  const positions = elementCount(windowOutput(spatial, a));
  if (positions === 0) return violates('c3', `${describe('x', x)}, kernel ${a.kernel.join(', ')}, pads ${a.pads.join(', ')}`);
  if (positions * elementCount(a.kernel) > MAX_ENTRIES) return violates('c4', `${elementCount(a.kernel)} taps at ${positions} positions`);
  return types({ dtype: x.dtype, shape: [batch, channels * elementCount(a.kernel), positions] });
};

export const columns = {
  col2im: composite({
    code: 0x128,
    summary: 'Sums columns of window elements back into an image.',
    doc: 'x is [N, C taps, positions], taps and positions in row-major order of kernel and of conv windows over the image; y [N, C, …image] has at each pixel the sum of the elements that belong to it, taps outside, positions inside, in order. What falls on padding is left out. The transpose of im2col (PyTorch Fold, ONNX Col2Im).',
    operands: ['x'],
    attrs: { ...windowAttrs, kernel: attr.ints({ min: 1, max: 65536 }), image: attr.ints({ min: 1, max: 65536 }) },
    constraints: {
      c1: constraint('x has rank 3 with numbers as sizes.', ['f32[4,4]'], { ...w2, image: [4, 4] }),
      c2: constraint('image has 1 to 3 entries; kernel, stride and dilation as many, pads twice as many.', ['f32[1,4,4]'], {
        ...w2,
        image: [4],
      }),
      c3: constraint('Rows of x are a multiple of the taps of the kernel, its columns are the positions of the window.', ['f32[1,4,5]'], {
        ...w2,
        image: [4, 4],
      }),
      c4: constraint('x is i32 or f32.', ['i8[1,4,4]'], { ...w2, image: [4, 4] }),
      c5: constraint(`Taps times positions are at most ${MAX_ENTRIES}.`, ['f32[1,4,16777216]'], { ...w2, image: [8192, 8192] }),
    },
    infer: ([x], a) => inferCol2im(x, a),
    decompose: (b, [x], a) => {
      const [n = 1, rows = 1, columns = 1] = x.type.shape.map(Number);
      const taps = elementCount(a.kernel);
      const lines = (n * rows) / taps;
      const padded = paddedImage(a);
      const offsets = b.constant({ dtype: 'i32', shape: [taps * columns] }, columnOffsets(a, padded, windowOutput(a.image, a)));
      const shape = [lines, taps * columns];
      const zeros = zeroLines(b, x.type.dtype, lines, elementCount(padded));
      const updates = b.emit('reshape', [x], { shape });
      const sums = b.emit('scatter_elements', [zeros, b.emit('expand', [offsets], { shape }), updates], { axis: 1, mode: 'add' });
      const whole = b.emit('reshape', [sums], { shape: [n, rows / taps, ...padded] });
      const begins = a.pads.slice(0, a.image.length);
      const steps = new Array<number>(a.image.length + 2).fill(1);
      return [b.emit('slice', [whole], { starts: [0, 0, ...begins], sizes: [-1, -1, ...a.image], steps })];
    },
    cost: ([x]) => elementCount(x.shape),
    samples: [
      { operands: ['f32[2,8,4]'], attrs: { ...w2, image: [4, 4] } },
      { operands: [{ type: 'i32[1,6,6]', lo: -9, hi: 9 }], attrs: { kernel: [3], stride: [1], dilation: [1], pads: [1, 1], image: [6] } },
      { operands: ['f32[1,4,6]'], attrs: { kernel: [2, 2], stride: [2, 1], dilation: [1, 2], pads: [0, 1, 1, 0], image: [3, 4] } },
      {
        operands: ['f32[1,8,8]'],
        attrs: { kernel: [2, 2, 2], stride: [1, 1, 1], dilation: [1, 1, 1], pads: [0, 0, 0, 0, 0, 0], image: [3, 3, 3] },
      },
    ],
  }),

  im2col: composite({
    code: 0x12f,
    summary: 'The elements of each window as a column.',
    doc: 'x is [N, C, …image]; y [N, C taps, positions] has at row (c, tap), column position the element of channel c there, 0 on padding; taps and positions in row-major order of kernel and of conv windows (PyTorch Unfold). conv is a matrix product of its weights with y.',
    operands: ['x'],
    attrs: { ...windowAttrs, kernel: attr.ints({ min: 1, max: 65536 }) },
    constraints: {
      c1: constraint('x has rank 3 to 5 with numbers as channel and spatial sizes.', ['f32[4,4]'], w2),
      c2: constraint('kernel, stride and dilation have one entry, pads two, for each spatial dimension.', ['f32[1,2,5,5]'], {
        ...w2,
        kernel: [2],
      }),
      c3: constraint('The window fits into the padded image.', ['f32[1,2,1,5]'], w2),
      c4: constraint(`Taps times positions are at most ${MAX_ENTRIES}.`, ['f32[1,1,8192,8192]'], w2),
    },
    infer: ([x], a) => inferIm2col(x, a),
    decompose: (b, [x], a) => {
      const [, channels = 1, ...image] = x.type.shape.map(Number);
      const window = { ...a, image };
      const padded = paddedImage(window);
      const n = image.length;
      const pads = [0, 0, ...a.pads.slice(0, n), 0, 0, ...a.pads.slice(n)];
      const whole = b.emit('reshape', [b.emit('pad', [x], { pads })], { shape: [0, channels, elementCount(padded)] });
      const positions = windowOutput(image, a);
      const offsets = columnOffsets(window, padded, positions);
      const index = b.constant({ dtype: 'i32', shape: [offsets.length] }, offsets);
      const taken = b.emit('gather', [whole, index], { axis: 2 });
      return [b.emit('reshape', [taken], { shape: [0, channels * elementCount(a.kernel), elementCount(positions)] })];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[2,3,4,6]'], attrs: w2 },
      { operands: ['f32[1,2,6]'], attrs: { kernel: [3], stride: [2], dilation: [2], pads: [1, 2] } },
      { operands: ['f32[1,2,3,4]'], attrs: { kernel: [2, 2], stride: [2, 1], dilation: [1, 2], pads: [0, 1, 1, 0] } },
      { operands: ['u8[1,1,3,3,3]'], attrs: { kernel: [2, 2, 2], stride: [1, 1, 1], dilation: [1, 1, 1], pads: [0, 0, 0, 1, 1, 1] } },
    ],
  }),
} as const;
