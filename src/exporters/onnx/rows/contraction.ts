import type { FAMILIES, OpNode } from '../../../ir/index.ts';
import type { OnnxGraph } from '../graph.ts';
import { type Made, type Rows } from './row.ts';

const letter = (i: number): string => String.fromCharCode(97 + i);

const einsum = (g: OnnxGraph, node: OpNode<'einsum'>): Made => {
  let used = 0;
  const terms = node.operands.map((_, i) => {
    const rank = g.t(node, i).shape.length;
    used += rank;
    return node.attrs.letters
      .slice(used - rank, used)
      .map(letter)
      .join('');
  });
  return g.one('Einsum', g.xs(node), { equation: `${terms.join(',')}->${node.attrs.result.map(letter).join('')}` });
};

export const contractionRows = { einsum } as const satisfies Rows<keyof (typeof FAMILIES)['contraction']>;

export const columnsRows = {
  col2im: (g, n) => {
    const { image, kernel, stride, pads, dilation } = n.attrs;
    return g.one(
      'Col2Im',
      [g.x(n), g.ints('image', image), g.ints('kernel', kernel)],
      { strides: stride, pads, dilations: dilation },
      { opset: 18 },
    );
  },
} as const satisfies Rows<keyof (typeof FAMILIES)['columns']>;
