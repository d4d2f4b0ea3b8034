import { cos64, exp64, log64, MAX_ELEMENTS, sin64, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type ElemName, elemByCode, elemOf, makeHost } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';

/** Discrete Fourier transforms of static length are products with a matrix of cosines and sines. */

const TURN = 6.283185307179586;
/** Elements of a table; the file of a model is small, its tables may not be out of all proportion. */
const MAX_TABLE = 2 ** 24;

/** cos and sin of 2 pi k / n; k is reduced first, so that large products lose nothing. */
const unit = (k: number, n: number): readonly [number, number] => {
  const angle = (TURN * (k % n)) / n;
  return [cos64(angle), sin64(angle)];
};

interface Transform {
  /** Points of the transform. */
  readonly length: number;
  /** Entries of the input and of the result. */
  readonly from: number;
  readonly to: number;
  /** 1: real numbers; 2: complex ones, real part first. */
  readonly parts: 1 | 2;
  readonly results: 1 | 2;
  readonly inverse: boolean;
}

/** Weights [to * results, from * parts] of the transform. */
const transformWeights = (n: OnnxNode, t: Transform): ValueId => {
  const columns = t.from * t.parts;
  const count = t.to * t.results * columns;
  if (count > MAX_TABLE || !n.session.budget.take(count))
    return n.refuse(`a transform of ${t.from} to ${t.to} entries needs a table of ${count}`);
  const data = new Float32Array(count);
  // half of a spectrum of real numbers: the other half is its mirror
  const mirrored = t.inverse && t.results === 1;
  for (let k = 0; k < t.to; k++)
    for (let j = 0; j < t.from; j++) {
      const [c, s] = unit(k * j, t.length);
      const twice = mirrored && j > 0 && 2 * j < t.length ? 2 : 1;
      const scale = t.inverse ? twice / t.length : 1;
      const sine = t.inverse ? s : -s;
      // (c + i sine)(re + i im)
      for (let r = 0; r < t.results; r++)
        for (let p = 0; p < t.parts; p++) {
          const factor = r === p ? c : r === 0 ? -sine : sine;
          data[(k * t.results + r) * columns + j * t.parts + p] = factor * scale;
        }
    }
  return n.session.param('fourier', { dtype: 'f32', shape: [t.to * t.results, columns], data });
};

/** The transform along the last axis but one of [..., from, parts]. */
const transformed = (n: OnnxNode, x: ValueId, t: Transform): ValueId => {
  const lead = n.typeOf(x).shape.slice(0, -2);
  const flat = n.reshape(x, [...lead, t.from * t.parts]);
  return n.reshape(n.emit('dense', [flat, transformWeights(n, t)], {}), [...lead, t.to, t.results]);
};

/** The first `size` entries of an axis, zeros after the last. */
const resized = (n: OnnxNode, x: ValueId, axis: number, size: number): ValueId => {
  const { shape } = n.typeOf(x);
  const have = Number(shape[axis]);
  if (have === size) return x;
  if (have > size) {
    const sizes = shape.map((_, i) => (i === axis ? size : -1));
    return n.emit('slice', [x], { starts: shape.map(() => 0), sizes, steps: shape.map(() => 1) });
  }
  const pads = [...shape.map(() => 0), ...shape.map((_, i) => (i === axis ? size - have : 0))];
  return n.emit('pad', [x], { pads });
};

const partsOf = (n: OnnxNode): 1 | 2 => {
  const parts = n.shapeOf(0).at(-1);
  return parts === 1 || parts === 2 ? parts : n.malformed(`the last dimension is ${String(parts)}, but 1 (real) or 2 (complex) is wanted`);
};

const half = (length: number): number => Math.floor(length / 2) + 1;

const dft = (n: OnnxNode): Made => {
  const rank = n.rank(0);
  const x = floatWire(n, 0);
  const parts = partsOf(n);
  const axis = n.axis(n.since < 20 ? n.int('axis', 1) : n.has(2) ? n.hostScalar(2, 'axis') : -2, rank);
  if (axis === rank - 1) return n.malformed('axis is that of the real and imaginary parts');
  const [inverse, onesided] = [n.int('inverse', 0) !== 0, n.int('onesided', 0) !== 0];
  const real = inverse && onesided;
  if (onesided && !inverse && parts === 2) return n.malformed('onesided takes real numbers');
  if (real && (n.since < 20 || parts === 1)) return n.refuse('inverse and onesided are both set');
  const own = at(n.staticShape(0), axis);
  const length = n.has(1) ? n.hostScalar(1, 'dft_length') : real ? 2 * (own - 1) : own;
  if (length < 1) return n.malformed(`dft_length is ${length}`);
  const from = real ? half(length) : length;
  const order = [...span(0, rank - 1).filter((i) => i !== axis), axis, rank - 1];
  const turned = axis === rank - 2 ? x : n.emit('transpose', [x], { perm: order });
  const sized = resized(n, turned, rank - 2, from);
  const y = transformed(n, sized, { length, from, to: onesided && !real ? half(length) : length, parts, results: real ? 1 : 2, inverse });
  if (axis === rank - 2) return { value: y, elem: n.elem(0) };
  return { value: n.emit('transpose', [y], { perm: order.map((_, i) => order.indexOf(i)) }), elem: n.elem(0) };
};

/** Frames of the signal, times the window, transformed: [batch, frames, bins, 2]. */
const stft = (n: OnnxNode): Made => {
  if (n.rank(0) !== 3) return n.malformed(`the signal has rank ${n.rank(0)}, but [batch, length, 1 or 2] is wanted`);
  const parts = partsOf(n);
  const onesided = n.int('onesided', 1) !== 0;
  if (onesided && parts === 2) return n.malformed('onesided takes real numbers');
  const step = n.hostScalar(1, 'frame_step');
  const size = n.has(3)
    ? n.hostScalar(3, 'frame_length')
    : n.has(2)
      ? at(n.staticShape(2), 0)
      : n.malformed('it has neither window nor frame_length');
  const length = n.shapeOf(0)[1];
  if (typeof length !== 'number') return n.unbound([length ?? 'N']);
  if (step < 1 || size < 1 || size > length)
    return n.malformed(`frame_step is ${step}, frame_length ${size}, the signal has ${length} entries`);
  const frames = Math.floor((length - size) / step) + 1;
  if (frames * size > MAX_TABLE || !n.session.budget.take(frames * size))
    return n.refuse(`${frames} frames of ${size} entries are too many`);
  const data = Int32Array.from({ length: frames * size }, (_, i) => Math.floor(i / size) * step + (i % size));
  const index = n.session.param('frames', { dtype: 'i32', shape: [frames, size], data });
  const cut = n.emit('gather', [floatWire(n, 0), index], { axis: 1 });
  const windowed = n.has(2) ? n.emit('mul', [cut, n.reshape(floatWire(n, 2), [size, 1])], {}) : cut;
  const to = onesided ? half(size) : size;
  return { value: transformed(n, windowed, { length: size, from: size, to, parts, results: 2, inverse: false }), elem: n.elem(0) };
};

/** sum over i of terms[i] cos(2 pi i k / N), N the size, or one less when the window is symmetric. */
const cosineWindow =
  (terms: readonly number[]) =>
  (n: OnnxNode): readonly Made[] => {
    const size = n.hostScalar(0, 'size');
    const elem = windowElem(n);
    const period = n.int('periodic', 1) !== 0 ? size : size - 1;
    if (!Number.isSafeInteger(size) || size < 0 || size > MAX_ELEMENTS || !n.session.budget.take(size))
      return [n.refuse(`the size is ${size}`)];
    const data = makeHost(elem, size);
    for (let k = 0; k < size; k++) data[k] = terms.reduce((sum, term, i) => sum + term * unit(i * k, Math.max(1, period))[0], 0);
    return [{ host: { elem, shape: [size], data } }];
  };

const windowElem = (n: OnnxNode): ElemName => {
  const code = n.int('output_datatype', 1);
  const elem = elemByCode(code);
  return elem !== undefined && elemOf(elem).kind === 'float' ? elem : n.refuse(`output_datatype is ${code}`);
};

const MEL = 2595 / 2.302585092994046;

/** Triangles over the bins of a spectrum, evenly spaced in mel: [bins, mel bands]. */
const melWeights = (n: OnnxNode): Made => {
  const [bands, length, rate, low, high] = ['num_mel_bins', 'dft_length', 'sample_rate', 'lower_edge_hertz', 'upper_edge_hertz'].map(
    (what, i) => n.hostScalar(i, what),
  ) as [number, number, number, number, number];
  const elem = windowElem(n);
  const bins = half(length);
  if (bands < 0 || length < 1 || rate <= 0 || low < 0 || bands * bins > MAX_TABLE || !n.session.budget.take(bands * bins))
    return n.refuse(`${bands} bands of ${bins} bins at a rate of ${rate}`);
  const mel = (hertz: number): number => MEL * log64(1 + hertz / 700);
  const step = (mel(high) - mel(low)) / (bands + 2);
  const edges = span(0, bands + 2).map((i) => Math.floor(((length + 1) * 700 * (exp64((mel(low) + i * step) / MEL) - 1)) / rate));
  if (edges.some((e) => e >= bins)) return n.malformed(`upper_edge_hertz is ${high}, beyond half the sample rate ${rate}`);
  const data = makeHost(elem, bins * bands);
  for (let band = 0; band < bands; band++) {
    const [left, top, right] = [at(edges, band), at(edges, band + 1), at(edges, band + 2)];
    if (top === left) data[top * bands + band] = 1;
    else for (let j = left; j <= top; j++) data[j * bands + band] = (j - left) / (top - left);
    for (let j = top; j < right; j++) data[j * bands + band] = (right - j) / (right - top);
  }
  return { host: { elem, shape: [bins, bands], data } };
};

export const signal = {
  DFT: { since: [17, 20], import: (n) => [dft(n)] },
  STFT: { since: [17], import: (n) => [stft(n)] },
  HannWindow: { since: [17], import: cosineWindow([0.5, -0.5]) },
  HammingWindow: { since: [17], import: cosineWindow([25 / 46, -21 / 46]) },
  BlackmanWindow: { since: [17], import: cosineWindow([0.42, -0.5, 0.08]) },
  MelWeightMatrix: { since: [17], import: (n) => [melWeights(n)] },
} as const satisfies OnnxOps;
