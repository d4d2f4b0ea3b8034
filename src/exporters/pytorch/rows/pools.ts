import { type AnyNode, type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { type Code, py, type Step } from '../../outline/code.ts';
import { tuple } from '../../outline/python-names.ts';
import type { Layouts } from '../../outline/writer.ts';
import { flag, isSymmetric, padOrder, same, TORCH_DTYPE } from '../text.ts';

interface Pool {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
  readonly ceil: boolean;
}

/** Integers pool as floats: whole numbers below 2^24 are exact in them. */
const asFloat = (x: Code, dtype: string): Code => (dtype === 'f32' ? x : py`${x}.float()`);

const options = (a: Pool, padding: readonly number[]): string => {
  const parts = [
    ...(same(a.stride) === same(a.kernel) ? [] : [`stride=${same(a.stride)}`]),
    ...(padding.every((p) => p === 0) ? [] : [`padding=${same(padding)}`]),
    ...(a.dilation.every((d) => d === 1) ? [] : [`dilation=${same(a.dilation)}`]),
    ...(a.ceil ? ['ceil_mode=True'] : []),
  ];
  return parts.map((p) => `, ${p}`).join('');
};

const maxPool = (c: Layouts, node: AnyNode, a: Pool, indices = false): Step => {
  const w = c.writer(node);
  const n = a.kernel.length;
  const { dtype } = w.type(0);
  const half = a.kernel.every((k, i) => 2 * (a.pads[i] ?? 0) <= k);
  const fits = isSymmetric(a.pads) && half;
  const x = asFloat(w.x(0), dtype);
  if (indices) {
    if (!fits) throw new UnsupportedError('PyTorch pads both sides alike, by at most half the kernel');
    return w.step(py`F.max_pool${n}d(${x}, ${same(a.kernel)}${options(a, a.pads.slice(0, n))}, return_indices=True)[1].int()`);
  }
  const inside = fits ? x : py`F.pad(${x}, ${tuple(padOrder(a.pads))}, value=float("-inf"))`;
  const text = `${same(a.kernel)}${options(a, fits ? a.pads.slice(0, n) : a.pads.slice(0, n).map(() => 0))}`;
  const pooled = py`F.max_pool${n}d(${inside}, ${text})`;
  if (dtype !== 'f32') return w.step(py`${pooled}.to(${TORCH_DTYPE[w.type(0).dtype]})`);
  return w.step(pooled, fits ? { module: `nn.MaxPool${n}d(${text})` } : {});
};

/** Cells that the last windows reach beyond the declared padding. */
const overhang = (a: Pool, input: readonly number[], output: readonly number[]): readonly number[] =>
  a.kernel.map((k, i) => {
    const n = a.kernel.length;
    const reach = (a.dilation[i] ?? 1) * (k - 1) + 1;
    const needed = ((output[i] ?? 1) - 1) * (a.stride[i] ?? 1) + reach;
    return Math.max(0, needed - (input[i] ?? 0) - (a.pads[i] ?? 0) - (a.pads[n + i] ?? 0));
  });

const averagePool = (c: Layouts, node: AnyNode, a: Pool & { readonly include_pad: boolean; readonly pad_value: number }): Step => {
  const w = c.writer(node);
  const n = a.kernel.length;
  const { dtype } = w.type(0);
  const half = a.kernel.every((k, i) => 2 * (a.pads[i] ?? 0) <= k);
  const plain = dtype === 'f32' && isSymmetric(a.pads) && half && a.dilation.every((d) => d === 1) && (!a.include_pad || a.pad_value === 0);
  if (plain) {
    const counts = a.include_pad || a.pads.every((p) => p === 0) ? '' : ', count_include_pad=False';
    const text = `${same(a.kernel)}${options(a, a.pads.slice(0, n))}${counts}`;
    return w.step(py`F.avg_pool${n}d(${w.x(0)}, ${text})`, { module: `nn.AvgPool${n}d(${text})` });
  }
  const more = overhang(a, w.sizes(0).slice(2), w.resultType().shape.slice(2).map(Number));
  const beyond = padOrder([...more.map(() => 0), ...more]);
  const code = py`average_pool(${w.x(0)}, ${tuple(a.kernel)}, ${tuple(a.stride)}, ${tuple(a.dilation)}, ${tuple(padOrder(a.pads))}, ${tuple(beyond)}, include_pad=${flag(a.include_pad)}${dtype !== 'f32' && a.include_pad ? `, pad_value=${a.pad_value}` : ''})`;
  return w.step(code, { helpers: ['window_sums', 'average_pool'] });
};

const adaptive = (c: Layouts, node: AnyNode, sizes: readonly number[], kind: 'avg' | 'max'): Step => {
  const w = c.writer(node);
  const { dtype } = w.type(0);
  const text = `${same(sizes)}`;
  if (dtype === 'f32')
    return w.step(py`F.adaptive_${kind}_pool${sizes.length}d(${w.x(0)}, ${text})`, {
      module: `nn.Adaptive${kind === 'avg' ? 'Avg' : 'Max'}Pool${sizes.length}d(${text})`,
    });
  if (kind === 'max') return w.step(py`F.adaptive_max_pool${sizes.length}d(${w.x(0)}.float(), ${text}).to(${TORCH_DTYPE[dtype]})`);
  // means of whole numbers round half up, so the sums have to be exact
  throw new UnsupportedError('PyTorch has no sums over bins of integers');
};

export const poolRows = {
  max_pool: (c, n) => maxPool(c, n, n.attrs),
  max_pool_indices: (c, n) => maxPool(c, n, n.attrs, true),
  average_pool: (c, n) => averagePool(c, n, n.attrs),
  adaptive_max_pool: (c, n) => adaptive(c, n, n.attrs.sizes, 'max'),
  adaptive_average_pool: (c, n) => adaptive(c, n, n.attrs.sizes, 'avg'),
  global_average_pool: (c, n) => {
    const w = c.writer(n);
    const spatial = w.rank(0) - 2;
    if (w.type(0).dtype !== 'f32') {
      const dims = Array.from({ length: spatial }, (_, i) => i + 2);
      return w.step(py`integer_mean(${w.x(0)}, ${tuple(dims)}, True)`, { helpers: ['integer_mean'] });
    }
    if (spatial > 3) return w.step(py`torch.mean(${w.x(0)}, ${tuple(Array.from({ length: spatial }, (_, i) => i + 2))}, keepdim=True)`);
    return w.step(py`F.adaptive_avg_pool${spatial}d(${w.x(0)}, 1)`, { module: `nn.AdaptiveAvgPool${spatial}d(1)` });
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;
