import { type AnyNode, type Attrs } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Emit, wholeOf } from '../emit.ts';

export const dequantizeFits = (node: AnyNode): string | undefined => {
  const { scale } = node.attrs as Attrs<'dequantize'>;
  return scale > 0 ? undefined : `its scale is ${scale}`;
};

/** The integers of a value that the model itself quantizes. */
export const lowerQuantize = (emit: Emit, node: AnyNode): void => emit.define(at(node.results, 0), emit.int(at(node.operands, 0)));

/** An integer tensor of the program as reals: one rescale to the quantization that calibration chose. */
export const lowerDequantize = (emit: Emit, node: AnyNode): void => {
  const { scale, zero } = node.attrs as Attrs<'dequantize'>;
  const to = emit.destinationOf(node);
  const x = at(node.operands, 0);
  if (
    to.affine.dtype === emit.typeOf(emit.int(x)).dtype &&
    to.affine.scale === scale &&
    to.affine.zero === zero &&
    to.lo === wholeOf(to.affine).lo &&
    to.hi === wholeOf(to.affine).hi
  ) {
    emit.define(to.value, emit.int(x));
    return;
  }
  emit.define(to.value, emit.rescale(emit.int(x), [scale / to.affine.scale], to, zero));
};
