import { type AnyNode, type Attrs } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Emit } from '../emit.ts';

export const dequantizeFits = (node: AnyNode): string | undefined => {
  const { scale } = node.attrs as Attrs<'dequantize'>;
  return scale > 0 ? undefined : `its scale is ${scale}`;
};

/** An integer tensor of the program as reals: one rescale to the quantization that calibration chose. */
export const lowerDequantize = (emit: Emit, node: AnyNode): void => {
  const { scale, zero } = node.attrs as Attrs<'dequantize'>;
  const to = emit.destinationOf(node);
  emit.define(to.value, emit.rescale(emit.int(at(node.operands, 0)), [scale / to.affine.scale], to, zero));
};
