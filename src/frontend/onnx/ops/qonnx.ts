import { type DType, DTYPE_INFO, runProgram, type ValueId } from '../../../ir/index.ts';
import { OnnxNode } from '../node.ts';
import { Session } from '../session.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire } from './util.ts';

/**
 * Quantizers of QONNX (github.com/fastmachinelearning/qonnx, docs/qonnx-custom-ops): floats of which only the values of an integer
 * type of any width are used. Weights become stored integers with their scale, run-time values pass through integers of the least
 * dtype that holds their width, so that a quantizer takes the grid of the model as it is.
 */

/** Widths at which float32 holds every value. */
const MAX_BITS = 24;

/** How a number becomes whole, in ops of a program: names and meanings of resolve_rounding_mode in qonnx/custom_op/general/quant.py. */
const magnitude =
  (op: 'floor' | 'ceil', shift: number) =>
  (n: OnnxNode, x: ValueId): ValueId => {
    const size = n.emit('abs', [x], {});
    const whole = n.emit(op, [shift === 0 ? size : n.emit('add', [size, n.scalar(shift)], {})], {});
    return n.emit('mul', [n.emit('sign', [x], {}), whole], {});
  };
const plain =
  (op: 'round' | 'floor' | 'ceil' | 'trunc') =>
  (n: OnnxNode, x: ValueId): ValueId =>
    n.emit(op, [x], {});
const ROUNDINGS: ReadonlyMap<string, (n: OnnxNode, x: ValueId) => ValueId> = new Map([
  ['ROUND', plain('round')],
  ['HALF_EVEN', plain('round')],
  ['CEIL', plain('ceil')],
  ['FLOOR', plain('floor')],
  ['UP', magnitude('ceil', 0)],
  ['DOWN', plain('trunc')],
  ['HALF_UP', magnitude('floor', 0.5)],
  ['HALF_DOWN', magnitude('ceil', -0.5)],
]);

const roundingOf = (n: OnnxNode, fallback: string): ((n: OnnxNode, x: ValueId) => ValueId) => {
  const mode = n.text('rounding_mode', fallback);
  return ROUNDINGS.get(mode.toUpperCase()) ?? n.refuse(`rounding_mode is ${mode}, but ${[...ROUNDINGS.keys()].join(', ')} are supported`);
};

const roundingNote = (n: OnnxNode): void =>
  n.approximate(
    'quantization is kept as QONNX defines it, in float with its own rounding; made integer by this compiler it rounds half up',
  );

/** 1 where x >= 0, else -1 */
const sign = (n: OnnxNode, x: ValueId): ValueId =>
  n.emit('select', [n.emit('less_equal', [n.scalar(0), x], {}), n.scalar(1), n.scalar(-1)], {});

interface Limits {
  readonly min: number;
  readonly max: number;
}
/** Least and greatest integer of the width; one value less with `narrow`. */
const limits = (bits: number, signed: boolean, narrow: boolean): Limits =>
  signed ? { min: (narrow ? 1 : 0) - 2 ** (bits - 1), max: 2 ** (bits - 1) - 1 } : { min: 0, max: 2 ** bits - (narrow ? 2 : 1) };

/** The least dtype that holds the integers and can become float again. */
const dtypeOf = ({ min, max }: Limits): DType =>
  (['i8', 'u8', 'i16', 'i32'] as const).find((d) => DTYPE_INFO[d].lo <= min && max <= DTYPE_INFO[d].hi) ?? 'i32';

const bitsOf = (n: OnnxNode, i: number): number => {
  const bits = n.hostScalar(i, 'the bit width');
  return Number.isInteger(bits) && bits >= 1 && bits <= MAX_BITS
    ? bits
    : n.refuse(`the bit width is ${bits}, but 1 to ${MAX_BITS} are supported`);
};

/** Whether every element of an input is known, and 0. */
const isZero = (n: OnnxNode, i: number): boolean => n.input(i).host?.data.every((v) => v === 0) === true;

interface Grid {
  readonly range: Limits;
  /** The integers that x / scale + zero point becomes, as floats. */
  readonly integers: (n: OnnxNode) => ValueId;
  /** Input with the zero point; undefined where there is none, or it is 0. */
  readonly zero: number | undefined;
}

/** The integers of a known input, computed at import and kept in the program. */
const storedIntegers = (n: OnnxNode, { range, integers }: Grid): ValueId | undefined => {
  if (n.site.inputs.some((v) => v?.host === undefined)) return undefined;
  const session = new Session('integers', n.session.budget, n.session.warnings);
  const inner = new OnnxNode(n.site, session);
  session.builder.output('y', inner.as(integers(inner), dtypeOf(range)));
  const [tensor] = runProgram(session.builder.finish(), []);
  return tensor === undefined ? undefined : n.session.param(n.input(0).name, tensor);
};

/**
 * (integer - zero point) * scale. The integers are those of a dtype, but where rounding and a zero point of another kind than
 * quantizers have stand between x and them: then they stay floats.
 */
const onGrid = (n: OnnxNode, grid: Grid): Made => {
  const { zero, range } = grid;
  const stored = storedIntegers(n, grid);
  if (stored === undefined) roundingNote(n);
  const codes = stored ?? (zero === undefined ? n.as(grid.integers(n), dtypeOf(range)) : grid.integers(n));
  const reals = n.as(codes, 'f32');
  const centred = zero === undefined ? reals : n.emit('sub', [reals, n.as(n.wire(zero), 'f32')], {});
  return { value: n.emit('mul', [centred, floatWire(n, 1)], {}), elem: n.elem(0) };
};

const BIPOLAR: Limits = { min: -1, max: 1 };

/** (round(clip(x / scale + zero point)) - zero point) scale; of one signed bit: 1 or -1. Bounds are whole: clip and round change places. */
const quant = (n: OnnxNode): Made => {
  const [signed, narrow] = [n.int('signed') !== 0, n.int('narrow') !== 0];
  const rounding = roundingOf(n, 'ROUND');
  const bits = bitsOf(n, 3);
  const zero = isZero(n, 2) ? undefined : 2;
  const isSign = bits === 1 && signed;
  const range = isSign ? BIPOLAR : limits(bits, signed, narrow);
  const integers = (m: OnnxNode): ValueId => {
    const scaled = m.emit('div', [floatWire(m, 0), floatWire(m, 1)], {});
    const moved = zero === undefined ? scaled : m.emit('add', [scaled, m.as(m.wire(2), 'f32')], {});
    return isSign ? sign(m, moved) : m.emit('clip', [rounding(m, moved)], range);
  };
  return onGrid(n, { range, integers, zero });
};

const bipolarQuant = (n: OnnxNode): Made => onGrid(n, { range: BIPOLAR, integers: (m) => sign(m, floatWire(m, 0)), zero: undefined });

/**
 * Integers lose low bits. With 5 inputs (x, scale, zero point, width before and after) they keep scale and zero point; with 7
 * (x, scale, zero point, width, scale, zero point and width after) the new scale tells by which power of two they shrink, and
 * they are clipped.
 */
const trunc = (n: OnnxNode): Made => {
  const rounding = roundingOf(n, 'FLOOR');
  const [signed, narrow] = [n.int('signed', 1) !== 0, n.int('narrow', 0) !== 0];
  const isOld = n.inputCount === 5;
  if (!isOld && n.inputCount !== 7) return n.malformed(`it has ${n.inputCount} inputs, but 5 or 7 are wanted`);
  const [before, after] = [bitsOf(n, 3), bitsOf(n, isOld ? 4 : 6)];
  const outScale = isOld ? undefined : n.hostScalar(4, 'the scale of the result');
  const shift = outScale === undefined ? before - after : Math.round(Math.log2(outScale / n.hostScalar(1, 'the scale')));
  if (!(Math.abs(shift) <= MAX_BITS)) return n.refuse(`it divides by 2^${shift}, but ${MAX_BITS} bits at most are supported`);
  if (!isOld) void n.host(5, 'the zero point of the result');
  const zero = n.as(n.wire(2), 'f32');
  const factor = n.scalar(2 ** -shift);
  const whole = n.emit('round', [n.emit('add', [n.emit('div', [floatWire(n, 0), floatWire(n, 1)], {}), zero], {})], {});
  const shrunk = n.emit('mul', [whole, factor], {});
  roundingNote(n);
  const kept = rounding(n, isOld ? shrunk : n.emit('clip', [shrunk], limits(after, signed, narrow)));
  const centred = n.emit('sub', [kept, isOld ? zero : n.emit('mul', [zero, factor], {})], {});
  return { value: n.emit('mul', [centred, outScale === undefined ? floatWire(n, 1) : n.scalar(outScale)], {}), elem: n.elem(0) };
};

export const qonnx = {
  Quant: { since: [1, 2], dequantizes: true, import: (n) => [quant(n)] },
  IntQuant: { since: [1, 2], dequantizes: true, import: (n) => [quant(n)] },
  BipolarQuant: { since: [1], dequantizes: true, import: (n) => [bipolarQuant(n)] },
  Trunc: { since: [1, 2], import: (n) => [trunc(n)] },
} as const satisfies OnnxOps;
