import { type AnyNode, DTYPE_INFO, type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { py, type Step } from '../../outline/code.ts';
import { tuple } from '../../outline/python-names.ts';
import type { Layouts } from '../../outline/writer.ts';
import { flag, KERAS_DTYPE, lastPerm, pairs, same } from '../text.ts';
import { paddingOf } from './layers.ts';

interface Pool {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
}

/** Pads that bring the last window wholly inside, ceil or not. */
const reached = (a: Pool, input: readonly number[], output: readonly number[]): readonly number[] => {
  const n = a.kernel.length;
  const ends = a.kernel.map(
    (k, i) => ((output[i] ?? 1) - 1) * (a.stride[i] ?? 1) + (a.dilation[i] ?? 1) * (k - 1) + 1 - (input[i] ?? 0) - (a.pads[i] ?? 0),
  );
  // a window may also end before the declared padding does
  return [...a.pads.slice(0, n), ...ends.map((e, i) => Math.max(e, Math.min(a.pads[n + i] ?? 0, 0)))];
};

const pool = (c: Layouts, node: AnyNode, a: Pool) => {
  const w = c.writer(node);
  const rank = w.rank(0);
  const input = w.sizesBehindBatch(0).slice(2);
  const pads = reached(a, input, w.resultType().shape.slice(2).map(Number));
  const x = w.x(0, lastPerm(rank));
  w.store(lastPerm(rank));
  return { w, x, n: rank - 2, pads, input, strides: same(a.stride) === same(a.kernel) ? '' : `, strides=${same(a.stride)}` };
};

const withBatch = (pads: readonly number[]): string => {
  const n = pads.length / 2;
  return `((0, 0), ${Array.from({ length: n }, (_, i) => `(${pads[i] ?? 0}, ${pads[n + i] ?? 0})`).join(', ')}, (0, 0))`;
};

export const poolRows = {
  max_pool: (c, n) => {
    const a = n.attrs;
    const { w, x, n: spatial, pads, input, strides } = pool(c, n, a);
    const { dtype } = w.type(0);
    const dilated = a.dilation.some((d) => d !== 1);
    const padding = dilated && pads.some((p) => p !== 0) ? undefined : paddingOf({ ...a, pads }, input);
    const layer = `layers.MaxPooling${spatial}D(${same(a.kernel)}${strides}${padding === 'same' ? ', padding="same"' : ''})`;
    // whole numbers below 2^24 are exact in floats
    const floats = dtype === 'f32' ? x : py`ops.cast(${x}, "float32")`;
    const inside =
      padding === undefined
        ? py`ops.pad(${floats}, ${withBatch(pads)}, constant_values=${dtype === 'f32' ? '-np.inf' : DTYPE_INFO[dtype].lo})`
        : floats;
    const pooled = dilated
      ? py`max_pool(${inside}, ${tuple(a.kernel)}, ${tuple(a.stride)}, ${tuple(a.dilation)})`
      : py`${layer}(${inside})`;
    return w.step(dtype === 'f32' ? pooled : py`ops.cast(${pooled}, ${KERAS_DTYPE[dtype]})`, { helpers: dilated ? ['max_pool'] : [] });
  },
  average_pool: (c, n) => {
    const a = n.attrs;
    const { w, x, n: spatial, pads, input, strides } = pool(c, n, a);
    if (w.type(0).dtype !== 'f32' || a.dilation.some((d) => d !== 1))
      throw new UnsupportedError('Keras has means of floats in windows without dilation alone');
    const padding = paddingOf({ ...a, pads }, input);
    const declared = pads.every((p, i) => p === a.pads[i]);
    const layer = `layers.AveragePooling${spatial}D(${same(a.kernel)}${strides}`;
    if (padding === 'valid') return w.step(py`${layer})(${x})`);
    if (padding === 'same' && !a.include_pad) return w.step(py`${layer}, padding="same")(${x})`);
    if (a.include_pad && declared) return w.step(py`${layer})(layers.ZeroPadding${spatial}D(${pairs(pads)})(${x}))`);
    const beyond = pads.map((p, i) => p - (i < spatial ? p : Math.min(p, a.pads[i] ?? 0)));
    const own = pads.map((p, i) => p - (beyond[i] ?? 0));
    return w.step(
      py`average_pool(${x}, ${tuple(a.kernel)}, ${tuple(a.stride)}, ${withBatch(own)}, ${withBatch(beyond)}, include_pad=${flag(a.include_pad)})`,
      { helpers: ['average_pool'] },
    );
  },
  global_average_pool: (c, n) => {
    const w = c.writer(n);
    const rank = w.rank(0);
    if (w.type(0).dtype !== 'f32' || rank > 5 || w.type(0).shape.includes(0))
      throw new UnsupportedError('Keras pools floats of up to 3 dimensions');
    const x = w.x(0, lastPerm(rank));
    w.store(lastPerm(rank));
    return w.step(py`layers.GlobalAveragePooling${rank - 2}D(keepdims=True)(${x})`);
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;
