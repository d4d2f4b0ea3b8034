import { type AnyNode, type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { type Code, py, type Step } from '../../outline/code.ts';
import { tuple } from '../../outline/python-names.ts';
import { identity, type Layouts } from '../../outline/writer.ts';
import { TORCH_DTYPE } from '../text.ts';

interface Reduction {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

/** Reduces the operand as it is stored: axes are those of the stored dimensions, and what is left keeps its order. */
const reduce = (
  c: Layouts,
  node: AnyNode,
  a: Reduction,
  write: (x: Code, dims: string, keep: string, dtype: string) => Code,
  helpers: readonly string[] = [],
): Step => {
  const w = c.writer(node);
  const perm = w.perm(0);
  const axes = a.axes.map((axis) => (axis < 0 ? axis + perm.length : axis));
  const x = w.stored(0);
  if (a.keep) w.store(perm);
  else {
    const left = identity(perm.length).filter((d) => !axes.includes(d));
    w.store(perm.filter((d) => !axes.includes(d)).map((d) => left.indexOf(d)));
  }
  const dims = axes.map((axis) => perm.indexOf(axis)).sort((p, q) => p - q);
  // PyTorch takes no axes for all axes
  if (dims.length === 0) return w.step(write(py`${x}.unsqueeze(0)`, '(0,)', '', w.type(0).dtype), { helpers });
  return w.step(write(x, tuple(dims), a.keep ? ', keepdim=True' : '', w.type(0).dtype), { helpers });
};

const isEmpty = (c: Layouts, node: AnyNode): boolean => node.operands.slice(0, 1).some((v) => c.type(v).shape.includes(0));

const extreme = (c: Layouts, node: AnyNode, a: Reduction, name: 'amax' | 'amin'): Step => {
  if (isEmpty(c, node)) throw new UnsupportedError('PyTorch has no extremes of nothing');
  return reduce(c, node, a, (x, dims, keep) => py`torch.${name}(${x}, dim=${dims}${keep})`);
};

const arg = (
  c: Layouts,
  node: AnyNode,
  a: { readonly axis: number; readonly keep: boolean; readonly last: boolean },
  sign: string,
): Step => {
  const w = c.writer(node);
  const rank = w.rank(0);
  const axis = a.axis < 0 ? a.axis + rank : a.axis;
  const [dim, flag] = [String(axis), a.keep ? ', keepdim=True' : ''];
  if (isEmpty(c, node)) throw new UnsupportedError('PyTorch has no extremes of nothing');
  const code = py`index_of_${sign}(${w.x(0)}, ${dim}${a.last ? ', last=True' : ''}${flag})`;
  return w.step(code, { helpers: ['index_of_extreme', `index_of_${sign}`] });
};

const scan = (
  c: Layouts,
  node: AnyNode,
  a: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean },
  name: string,
): Step => {
  const w = c.writer(node);
  const axis = a.axis < 0 ? a.axis + w.rank(0) : a.axis;
  const integer = w.type(0).dtype !== 'f32';
  const more = `${a.exclusive ? ', exclusive=True' : ''}${a.reverse ? ', reverse=True' : ''}`;
  const code = py`running(torch.${name}, ${w.x(0)}, ${axis}${more})`;
  return w.step(integer ? py`${code}.to(torch.int32)` : code, { helpers: ['running'] });
};

export const reduceRows = {
  reduce_sum: (c, n) =>
    reduce(c, n, n.attrs, (x, dims, keep, dtype) =>
      dtype === 'f32' ? py`torch.sum(${x}, dim=${dims}${keep})` : py`torch.sum(${x}, dim=${dims}${keep}, dtype=torch.int32)`,
    ),
  reduce_mean: (c, n) => {
    const integer = c.writer(n).type(0).dtype !== 'f32';
    if (isEmpty(c, n) && !integer) throw new UnsupportedError('PyTorch gives NaN for means of nothing');
    return reduce(
      c,
      n,
      n.attrs,
      (x, dims, keep) =>
        integer ? py`integer_mean(${x}, ${dims}, ${keep === '' ? 'False' : 'True'})` : py`torch.mean(${x}, dim=${dims}${keep})`,
      integer ? ['integer_mean'] : [],
    );
  },
  reduce_max: (c, n) => extreme(c, n, n.attrs, 'amax'),
  reduce_min: (c, n) => extreme(c, n, n.attrs, 'amin'),
  reduce_prod: (c, n) => {
    const w = c.writer(n);
    const rank = w.rank(0);
    const axes = n.attrs.axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => b - a);
    return w.step(axes.reduce((x, axis) => py`torch.prod(${x}, dim=${axis}${n.attrs.keep ? ', keepdim=True' : ''})`, w.x(0)));
  },
  logsumexp: (c, n) => reduce(c, n, n.attrs, (x, dims, keep) => py`torch.logsumexp(${x}, dim=${dims}${keep})`),
  reduce_any: (c, n) => reduce(c, n, n.attrs, (x, dims, keep) => py`torch.any(${x}, dim=${dims}${keep})`),
  reduce_all: (c, n) => reduce(c, n, n.attrs, (x, dims, keep) => py`torch.all(${x}, dim=${dims}${keep})`),
  argmax: (c, n) => arg(c, n, n.attrs, 'max'),
  argmin: (c, n) => arg(c, n, n.attrs, 'min'),
  cumsum: (c, n) => scan(c, n, n.attrs, 'cumsum'),
  cumprod: (c, n) => scan(c, n, n.attrs, 'cumprod'),
  top_k: (c, n) => {
    const w = c.writer(n);
    const axis = n.attrs.axis < 0 ? n.attrs.axis + w.rank(0) : n.attrs.axis;
    return w.step(py`top_k(${w.x(0)}, ${n.attrs.k}, ${axis}, largest=${n.attrs.largest ? 'True' : 'False'})`, { helpers: ['top_k'] });
  },
  gather_elements: (c, n) => {
    const w = c.writer(n);
    const axis = n.attrs.axis < 0 ? n.attrs.axis + w.rank(0) : n.attrs.axis;
    const last = Number(w.type(0).shape[axis]) - 1;
    return w.step(py`torch.gather(${w.x(0, undefined, 'table')}, ${axis}, torch.clamp(${w.x(1, undefined, 'index')}, 0, ${last}).long())`);
  },
  gather_nd: (c, n) => {
    const w = c.writer(n);
    return w.step(py`gather_nd(${w.x(0, undefined, 'table')}, ${w.x(1, undefined, 'index')}, batch_dims=${n.attrs.batch_dims})`, {
      helpers: ['gather_nd'],
    });
  },
  scatter_elements: (c, n) => {
    const w = c.writer(n);
    const axis = n.attrs.axis < 0 ? n.attrs.axis + w.rank(0) : n.attrs.axis;
    return w.step(py`scatter_elements(${w.x(0)}, ${w.x(1, undefined, 'index')}, ${w.x(2)}, ${axis}, "${n.attrs.mode}")`, {
      helpers: ['combine', 'scatter_elements'],
    });
  },
  scatter_nd: (c, n) => {
    const w = c.writer(n);
    return w.step(py`scatter_nd(${w.x(0)}, ${w.x(1, undefined, 'index')}, ${w.x(2)}, "${n.attrs.mode}")`, {
      helpers: ['combine', 'scatter_nd'],
    });
  },
  bitcast: (c, n) => {
    const w = c.writer(n);
    return w.step(py`${w.x(0)}.view(${TORCH_DTYPE[n.attrs.dtype]})`);
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;
