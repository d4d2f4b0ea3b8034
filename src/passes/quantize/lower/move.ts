import { type AnyNode, type Attrs } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { quantizeValue } from '../affine.ts';
import type { Emit } from '../emit.ts';

/** The op itself on integers: elements keep scale and zero point. Results past the first share them. */
const lowerSame = (emit: Emit, node: AnyNode, attrs: AnyNode['attrs']): void => {
  const results = emit.opAll(
    node.op,
    node.operands.map((v) => emit.int(v)),
    attrs,
  );
  node.results.forEach((r, i) => emit.define(r, at(results, i)));
};

export const lowerMove = (emit: Emit, node: AnyNode): void => lowerSame(emit, node, node.attrs);

/** The value written into the border, as an integer. */
export const lowerPad = (emit: Emit, node: AnyNode): void => {
  const { value } = node.attrs as Attrs<'pad'>;
  lowerSame(emit, node, { ...node.attrs, value: quantizeValue(value, emit.affineOf(at(node.operands, 0))) });
};

/** Padding that counts holds the zero point. */
export const lowerAveragePool = (emit: Emit, node: AnyNode): void =>
  lowerSame(emit, node, { ...node.attrs, pad_value: emit.affineOf(at(node.operands, 0)).zero });

/** All operands in the quantization of the result; those that could not take it go through a table. */
export const lowerConcat = (emit: Emit, node: AnyNode): void => {
  const result = at(node.results, 0);
  const affine = emit.affineOf(result);
  const parts = node.operands.map((v) => emit.intAs(v, affine));
  emit.define(result, at(emit.opAll('concat', parts, node.attrs), 0));
};

/** Index of the extreme: order does not depend on the scale. The result is an integer already. */
export const lowerArg = (emit: Emit, node: AnyNode): void => lowerMove(emit, node);
