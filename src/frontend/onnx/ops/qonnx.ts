import type { ValueId } from '../../../ir/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, type PlainOp } from './util.ts';

/**
 * Quantizers of QONNX (github.com/fastmachinelearning/qonnx, docs/qonnx-custom-ops): floats of which only the values of an integer
 * type of any width are used. They stay floats here; a quantizer that makes them integers works to its own widths.
 */

const ROUNDINGS: ReadonlyMap<string, PlainOp> = new Map([
  ['ROUND', 'round'],
  ['CEIL', 'ceil'],
  ['FLOOR', 'floor'],
]);

/** Widths at which float32 holds every value. */
const MAX_BITS = 24;

const roundingNote = (n: OnnxNode): void =>
  n.approximate('the values are those of QONNX, in float; made integer by this compiler they are quantized to its own widths and rounding');

/** 1 where x >= 0, else -1 */
const sign = (n: OnnxNode, x: ValueId): ValueId =>
  n.emit('select', [n.emit('less_equal', [n.scalar(0), x], {}), n.scalar(1), n.scalar(-1)], {});

/** Least and greatest integer of the width; one value less with `narrow`. */
const limits = (bits: number, signed: boolean, narrow: boolean): { readonly min: number; readonly max: number } =>
  signed ? { min: (narrow ? 1 : 0) - 2 ** (bits - 1), max: 2 ** (bits - 1) - 1 } : { min: 0, max: 2 ** bits - (narrow ? 2 : 1) };

/** (round(clip(x / scale + zero point)) - zero point) scale; of one signed bit: 1 or -1. */
const quant = (n: OnnxNode): Made => {
  const [signed, narrow] = [n.int('signed') !== 0, n.int('narrow') !== 0];
  const mode = n.text('rounding_mode', 'ROUND');
  const rounding = ROUNDINGS.get(mode.toUpperCase());
  if (rounding === undefined) return n.refuse(`rounding_mode is ${mode}, but ${[...ROUNDINGS.keys()].join(', ')} are supported`);
  const bits = n.hostScalar(3, 'the bit width');
  if (!Number.isInteger(bits) || bits < 1 || bits > MAX_BITS)
    return n.refuse(`the bit width is ${bits}, but 1 to ${MAX_BITS} are supported`);
  const [x, scale, zero] = [floatWire(n, 0), floatWire(n, 1), n.as(n.wire(2), 'f32')];
  roundingNote(n);
  const moved = n.emit('add', [n.emit('div', [x, scale], {}), zero], {});
  const whole = bits === 1 && signed ? sign(n, moved) : n.emit(rounding, [n.emit('clip', [moved], limits(bits, signed, narrow))], {});
  return { value: n.emit('mul', [n.emit('sub', [whole, zero], {}), scale], {}), elem: n.elem(0) };
};

const bipolarQuant = (n: OnnxNode): Made => {
  roundingNote(n);
  return { value: n.emit('mul', [sign(n, floatWire(n, 0)), floatWire(n, 1)], {}), elem: n.elem(0) };
};

export const qonnx = {
  Quant: { since: [1], import: (n) => [quant(n)] },
  BipolarQuant: { since: [1], import: (n) => [bipolarQuant(n)] },
} as const satisfies OnnxOps;
