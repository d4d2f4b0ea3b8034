import { type AnyNode, isStaticShape, type OpName, type OpNode, type Program, type TensorType, typeOf } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';

interface Site {
  readonly types: readonly TensorType[];
  /** Whether operand i is a parameter. */
  readonly isParam: (i: number) => boolean;
}
type Test<K extends OpName> = (node: OpNode<K>, site: Site) => boolean;

const rankOf = ({ types }: Site, i = 0): number => at(types, i).shape.length;
const isFloat = ({ types }: Site): boolean => types.every((t) => t.dtype === 'f32');
const plainLayer = (
  a: { readonly direction: string; readonly batch_first: boolean; readonly clip: number },
  operands: number,
  most: number,
  site: Site,
): boolean => a.direction !== 'reverse' && !a.batch_first && a.clip === 0 && operands <= most && [1, 2, 3].every(site.isParam);

/** Uses of composites that their rows do; others are written by their definitions. */
const TAKES: { readonly [K in OpName]?: Test<K> } = {
  depth_to_space: (n) => n.attrs.mode === 'DCR',
  embedding: (_, s) => at(s.types, 0).dtype === 'f32',
  gelu: (n) => n.attrs.approximate === 'none',
  relu6: (_, s) => isFloat(s),
  flip: (_, s) => at(s.types, 0).dtype !== 'bool',
  batch_norm: (_, s) => s.isParam(3) && s.isParam(4),
  layer_norm: (n, s) => {
    const rank = rankOf(s);
    const size = at(at(s.types, 0).shape, rank - 1);
    const vectors = s.types.slice(1).every((t) => t.shape.length === 1 && t.shape[0] === size);
    return (n.attrs.axis === -1 || n.attrs.axis === rank - 1) && rank > 1 && vectors && typeof size === 'number';
  },
  prelu: (_, s) => {
    const [x, slope] = s.types;
    if (x === undefined || slope === undefined || !s.isParam(1) || !isStaticShape(slope.shape)) return false;
    const lead = x.shape.length - slope.shape.length;
    const all = slope.shape.every((d) => d === 1);
    return x.shape.length >= 2 && (all || slope.shape.every((d, i) => (i + lead === 1 ? d === x.shape[1] : d === 1)));
  },
  conv_transpose: (n, s) => {
    const { pads, output_padding: extra, stride } = n.attrs;
    const adj = extra.map((e, i) => at(pads, i) - at(pads, extra.length + i) + e);
    // the sums of MXNet's dilated form on processors cover the plain case only
    return isFloat(s) && adj.every((a, i) => a >= 0 && a < at(stride, i)) && n.attrs.dilation.every((d) => d === 1);
  },
  // without absolute values in MXNet, which odd powers would need
  lp_pool: (n) => {
    const { p, dilation, ceil, pads, kernel } = n.attrs;
    return p === 2 && !ceil && dilation.every((d) => d === 1) && kernel.every((_, i) => at(pads, i) === at(pads, kernel.length + i));
  },
  global_max_pool: (_, s) => isFloat(s) && rankOf(s) <= 5,
  global_average_pool: (_, s) => isFloat(s) && rankOf(s) <= 5,
  adaptive_average_pool: (_, s) => isFloat(s) && rankOf(s) === 4,
  resize: (n, s) => {
    const { shape } = at(s.types, 0);
    const { mode, sizes, coordinates, rounding } = n.attrs;
    if (shape.length !== 4 || !isFloat(s)) return false;
    const [rows, columns] = shape.slice(2).map((d, i) => at(sizes, i) / Number(d));
    if (mode === 'nearest') return coordinates === 'asymmetric' && rounding === 'floor' && rows === columns && Number.isInteger(rows);
    return coordinates === 'align_corners' || coordinates === 'half_pixel';
  },
  grid_sample: (n, s) => n.attrs.align_corners && n.attrs.mode === 'linear' && n.attrs.outside === 'zeros' && rankOf(s) === 4,
  affine_grid: (n) => n.attrs.align_corners && n.attrs.size.length === 2 && n.attrs.size.every((d) => d > 1),
  rnn: (n, s) => plainLayer(n.attrs, n.operands.length, 5, s) && (n.attrs.f === 'tanh' || n.attrs.f === 'relu'),
  lstm: (n, s) =>
    plainLayer(n.attrs, n.operands.length, 6, s) &&
    !n.attrs.input_forget &&
    n.attrs.f === 'sigmoid' &&
    n.attrs.g === 'tanh' &&
    n.attrs.h === 'tanh',
  gru: (n, s) =>
    plainLayer(n.attrs, n.operands.length, 5, s) && n.attrs.linear_before_reset && n.attrs.f === 'sigmoid' && n.attrs.g === 'tanh',
  sort: (_, s) => isFloat(s),
  argsort: (_, s) => isFloat(s),
};

/** Whether the row of a composite does this use of it. */
export const takes = (node: AnyNode, program: Program): boolean => {
  const params = new Set(program.params.map((p) => p.value));
  const site: Site = {
    types: node.operands.map((v) => typeOf(program, v)),
    isParam: (i) => node.operands[i] !== undefined && params.has(at(node.operands, i)),
  };
  const test = TAKES[node.op] as Test<OpName> | undefined;
  return test === undefined || test(node as OpNode, site);
};
