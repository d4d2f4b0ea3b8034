import type { ValueId } from '../../../ir/index.ts';
import { elemOf, isFloat } from '../elem.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOps } from './row.ts';

/** The reals, which the declared type of the result rounds to its grid. */
const reals = (n: TfliteNode): Made => {
  if (!n.isReal(0)) return n.malformed(`input 0 is ${n.elem(0)} without a scale`);
  return n.map(0, (x) => x);
};

/** Of a constant of narrow floats: the floats. */
const dequantize = (n: TfliteNode): Made => {
  const { host, quantization } = n.input(0);
  if (host !== undefined && quantization === undefined && isFloat(host.elem))
    return { host: { elem: n.output(0).elem, shape: host.shape, data: Float32Array.from(host.data) } };
  return reals(n);
};

/** The integers themselves, not the reals they stand for. */
const codes = (n: TfliteNode, i: number): ValueId => {
  const { quantization, elem } = n.input(i);
  if (quantization === undefined) return n.x(i);
  if (quantization.scales.length !== 1) return n.refuse('the integers of a tensor with a scale for each index of a dimension');
  return n.session.codes(n.x(i), elem, quantization, n.site.origin);
};

/** Conversion of numbers: a quantized tensor is converted as the integers it stores, as the runtime does. */
const cast = (n: TfliteNode): Made => {
  const o = n.options('CastOptions');
  // the types of the tensors say them too
  void o.in_data_type;
  void o.out_data_type;
  const { elem, quantization } = n.output(0);
  if (quantization !== undefined) return n.refuse(`a cast to ${elem} with a scale`);
  const { dtype } = elemOf(elem);
  return n.as(codes(n, 0), dtype);
};

const bitcast = (n: TfliteNode): Made => {
  if (n.input(0).quantization !== undefined || n.output(0).quantization !== undefined) return n.refuse('the bits of a quantized tensor');
  const { dtype } = elemOf(n.output(0).elem);
  if (
    elemOf(n.output(0).elem).bits !== elemOf(n.elem(0)).bits ||
    elemOf(n.elem(0)).narrowed !== undefined ||
    elemOf(n.output(0).elem).narrowed !== undefined
  )
    return n.refuse(`the bits of ${n.elem(0)} as ${n.output(0).elem} are not supported`);
  return n.typeOf(n.x(0)).dtype === dtype ? n.x(0) : n.emit('bitcast', [n.x(0)], { dtype });
};

export const quantize = {
  QUANTIZE: { import: (n) => [reals(n)], keeps: true },
  DEQUANTIZE: { import: (n) => [dequantize(n)] },
  CAST: { import: (n) => [cast(n)] },
  BITCAST: { import: (n) => [bitcast(n)] },
} as const satisfies TfliteOps;
