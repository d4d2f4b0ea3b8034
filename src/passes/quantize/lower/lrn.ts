import { type AnyNode, type Attrs, pow64, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { i16Table, type Emit } from '../emit.ts';
import type { FloatView } from '../role.ts';

/** The factor (bias + alpha / size * s)^-beta must fall as s grows, so that 0 gives its greatest value. */
export const lrnFits = (node: AnyNode, view: FloatView): string | undefined => {
  const { alpha, beta, bias, size } = node.attrs as Attrs<'lrn'>;
  if (!(bias > 0 && alpha >= 0 && beta >= 0))
    return `alpha ${alpha}, beta ${beta}, bias ${bias} is outside alpha >= 0, beta >= 0, bias > 0`;
  return size <= 128 || size <= Number(view.typeOf(at(node.operands, 0)).shape[1])
    ? undefined
    : `its window of ${size} channels is above 128`;
};

/** Sums a window of channels: `before` and the rest of `size` after each. */
const windowSum = (emit: Emit, squares: ValueId, size: number): ValueId => {
  const { shape } = emit.typeOf(squares);
  const before = Math.floor((size - 1) / 2);
  const zeros = shape.map(() => 0);
  const pads = [...zeros, ...zeros];
  pads[1] = before;
  pads[shape.length + 1] = size - 1 - before;
  const padded = emit.op('pad', [squares], { pads });
  const part = (start: number): ValueId =>
    emit.op('slice', [padded], {
      starts: shape.map((_, i) => (i === 1 ? start : 0)),
      sizes: shape.map((d, i) => (i === 1 ? d : -1)),
      steps: shape.map(() => 1),
    });
  let sum = part(0);
  for (let k = 1; k < size; k++) sum = emit.op('add', [sum, part(k)], {});
  return sum;
};

const GREATEST = 32767;
const INT32_MAX = 2 ** 31 - 1;

/** Squares in i32, in units of step^2, of integers up to `reach`. */
interface Squares {
  readonly squares: ValueId;
  readonly step: number;
  readonly reach: number;
}

const narrowSquares = (emit: Emit, x: ValueId): Squares => {
  const { scale, zero } = emit.affineOf(x);
  const square = emit.i32Table('square', (i) => (i - 128 - zero) * (i - 128 - zero));
  const reach = Math.max(127 - zero, zero + 128);
  return { squares: emit.op('table', [emit.int(x), square], {}), step: scale, reach };
};

/** Of 16 bits: with as many bits as leave the sum of a window in int32. */
const wideSquares = (emit: Emit, x: ValueId, size: number): Squares => {
  const own = emit.affineOf(x);
  let coarser = 1;
  while (size * (GREATEST / coarser + 1) * (GREATEST / coarser + 1) > INT32_MAX) coarser *= 2;
  const step = own.scale * coarser;
  const limit = Math.ceil(GREATEST / coarser);
  const shifted = emit.rescaleTo(emit.int(x), [1 / coarser], { dtype: 'i32', width: 'w21', lo: -limit, hi: limit });
  return { squares: emit.op('mul', [shifted, shifted], {}), step, reach: limit };
};

/**
 * Local response normalization: squares by table, exact window sums, the sum brought to 0..32767, the factor through a
 * 513-entry table, its product with x rescaled.
 */
export const lowerLrn = (emit: Emit, node: AnyNode): void => {
  const x = at(node.operands, 0);
  const { size, alpha, beta, bias } = node.attrs as Attrs<'lrn'>;
  const from = emit.affineOf(x);
  const to = emit.destinationOf(node);
  const { squares, step, reach } = from.dtype === 'i8' ? narrowSquares(emit, x) : wideSquares(emit, x, size);
  const sum = windowSum(emit, squares, size);
  const most = size * reach * reach;
  const ratio = GREATEST / most;
  const level = emit.rescaleTo(sum, [ratio], { dtype: 'i16', width: 'w21', lo: 0, hi: GREATEST });
  const factor = (s: number): number => pow64(bias + (alpha / size) * s, -beta);
  const top = factor(0);
  const real = (level16: number): number => (level16 / ratio) * step * step;
  const entries = Int16Array.from({ length: 513 }, (_, i) => Math.floor((GREATEST * factor(real(Math.max(0, i - 256) * 128))) / top + 0.5));
  const gain = emit.op('table', [level, emit.constant('factor', i16Table(entries))], {});
  const product = emit.op('mul', [emit.centred(x), emit.op('cast', [gain], { dtype: 'i32' })], {});
  emit.define(to.value, emit.rescale(product, [(from.scale * top) / GREATEST / to.affine.scale], to));
};
