import { elementCount, type ValueId } from '../../../ir/index.ts';
import { elemOf } from '../elem.ts';
import { broadcastShapes } from '../fold.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { ones } from './util.ts';

/** The shape in which a factor meets x: as it stands where that leaves x its shape, else one entry per channel (axis 1). Rows of a matrix count, samples of a batch do not. */
const alignedShape = (n: OnnxNode, i: number, own: readonly number[]): readonly number[] => {
  const shape = n.staticShape(0);
  const perSample = shape.length > 2 && own.length === shape.length && own[0] !== 1;
  if (!perSample && broadcastShapes(own, shape)?.join() === shape.join()) return own;
  if (shape.length > 1 && elementCount(own) === shape[1]) return [...own.filter((d) => d !== 1), ...ones(shape.length - 2)];
  return n.malformed(
    `input ${i} has shape [${own.join(', ')}], which is not one entry, one per channel or one per element of [${shape.join(', ')}]`,
  );
};

/** Integers that an exporter wrote as numbers of any type; refused where one is not whole. */
const whole = (n: OnnxNode, i: number, what: string): ValueId => {
  const { data, shape: own } = n.host(i, what);
  const shape = alignedShape(n, i, own);
  const bad = data.find((v) => !Number.isInteger(v) || Math.abs(v) >= 2 ** 31);
  if (bad !== undefined) return n.malformed(`${what} (input ${i}) holds ${bad}, but int32 is wanted`);
  return n.session.param(n.input(i).name, { dtype: 'i32', shape, data: Int32Array.from(data) });
};

const wholeAttr = (n: OnnxNode, name: string): number => {
  const given = n.attrType(name) === 'tensor' ? n.tensor(name)?.data[0] : n.attrType(name) === 'float' ? n.float(name) : n.int(name);
  return given !== undefined && Number.isInteger(given) ? given : n.malformed(`attribute ${name} is ${String(given)}`);
};

/**
 * y = clip((x mul + add + div / 2) >> log2(div)) in int32: the requantization of integer networks by quantlib and Deeploy
 * (github.com/pulp-platform). Their graphs hold the integers as floats, which the program takes back to integers here.
 */
const requantShift = (n: OnnxNode): Made => {
  n.ignore('n_levels_out');
  const [div, levels] = [wholeAttr(n, 'div'), n.hasAttr('n_levels') ? wholeAttr(n, 'n_levels') : wholeAttr(n, 'n_levels_out')];
  const signed = wholeAttr(n, 'signed') !== 0;
  const shift = Math.log2(div);
  if (!Number.isInteger(shift) || shift < 0 || shift > 30) return n.refuse(`div is ${div}, but a power of two of at most 2^30 is wanted`);
  const constant = (v: number): ValueId => n.int32('requant', v);
  const x = n.wire(0);
  const { dtype } = n.typeOf(x);
  const integer = dtype === 'i32' ? x : n.emit('cast', [x], { dtype: 'i32' });
  const scaled = n.emit('add', [n.emit('mul', [integer, whole(n, 1, 'mul')], {}), whole(n, 2, 'add')], {});
  const rounded = shift === 0 ? scaled : n.emit('add', [scaled, constant(div / 2)], {});
  const shifted = shift === 0 ? rounded : n.emit('shift_right', [rounded, constant(shift)], {});
  const [lo, hi] = signed ? [-levels / 2, levels / 2 - 1] : [0, levels - 1];
  const clipped = n.emit('minimum', [n.emit('maximum', [shifted, constant(lo)], {}), constant(hi)], {});
  const elem = n.elem(0);
  return { value: dtype === 'i32' ? clipped : n.emit('cast', [clipped], { dtype: elemOf(elem).dtype }), elem };
};

export const quantlib = {
  RequantShift: { since: [1], import: (n) => [requantShift(n)] },
} as const satisfies OnnxOps;
