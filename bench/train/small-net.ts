import { Philox } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';

/** A step of a small network; `from` is the step whose result it takes, -1 for the picture. */
export type Step =
  | { readonly kind: 'conv'; readonly from: number; readonly inputs: number; readonly outputs: number; readonly stride: 1 | 2 }
  | { readonly kind: 'dense'; readonly from: number; readonly inputs: number; readonly outputs: number }
  | { readonly kind: 'relu' | 'pool'; readonly from: number }
  | { readonly kind: 'add'; readonly from: number; readonly other: number };

/** Convolutions are 3 x 3 with padding 1, pools are 2 x 2. Pictures are f32[1, 28, 28]; ten classes. */
export type Architecture = readonly Step[];

const SIDE = 28;
const TAPS = 9;

const plain: Architecture = [
  { kind: 'conv', from: -1, inputs: 1, outputs: 10, stride: 1 },
  { kind: 'relu', from: 0 },
  { kind: 'pool', from: 1 },
  { kind: 'conv', from: 2, inputs: 10, outputs: 20, stride: 1 },
  { kind: 'relu', from: 3 },
  { kind: 'pool', from: 4 },
  { kind: 'dense', from: 5, inputs: 980, outputs: 24 },
  { kind: 'relu', from: 6 },
  { kind: 'dense', from: 7, inputs: 24, outputs: 10 },
];

const residual: Architecture = [
  { kind: 'conv', from: -1, inputs: 1, outputs: 8, stride: 2 },
  { kind: 'relu', from: 0 },
  { kind: 'conv', from: 1, inputs: 8, outputs: 8, stride: 1 },
  { kind: 'relu', from: 2 },
  { kind: 'conv', from: 3, inputs: 8, outputs: 8, stride: 1 },
  { kind: 'add', from: 4, other: 1 },
  { kind: 'relu', from: 5 },
  { kind: 'conv', from: 6, inputs: 8, outputs: 16, stride: 2 },
  { kind: 'relu', from: 7 },
  { kind: 'conv', from: 8, inputs: 16, outputs: 16, stride: 1 },
  { kind: 'add', from: 9, other: 8 },
  { kind: 'relu', from: 10 },
  { kind: 'dense', from: 11, inputs: 784, outputs: 10 },
];

export const ARCHITECTURES = { plain, residual } as const;
export type ArchitectureName = keyof typeof ARCHITECTURES;

/** Weights and biases of all layers, one after the other. */
export type Weights = Float32Array;

interface Part {
  readonly weights: number;
  readonly biases: number;
  readonly row: number;
  readonly outputs: number;
}

/** Where the weights of each layer stand. */
export const partsOf = (net: Architecture): { readonly parts: readonly (Part | undefined)[]; readonly size: number } => {
  let size = 0;
  const parts = net.map((s): Part | undefined => {
    if (s.kind !== 'conv' && s.kind !== 'dense') return undefined;
    const row = s.kind === 'conv' ? s.inputs * TAPS : s.inputs;
    const part = { weights: size, biases: size + row * s.outputs, row, outputs: s.outputs };
    size += (row + 1) * s.outputs;
    return part;
  });
  return { parts, size };
};

/** Normal weights (He et al. 2015) and biases 0, from a seed. */
export const freshWeights = (net: Architecture, seed: number): Weights => {
  const { parts, size } = partsOf(net);
  const weights = new Float32Array(size);
  const random = new Philox(seed);
  for (const p of parts) {
    if (p === undefined) continue;
    const spread = Math.sqrt(2 / p.row);
    for (let i = 0; i < p.row * p.outputs; i++) {
      const [u, v] = [(random.next() + 1) / 2 ** 32, random.next() / 2 ** 32];
      weights[p.weights + i] = spread * Math.sqrt(-2 * Math.log(Math.min(1, u))) * Math.cos(2 * Math.PI * v);
    }
  }
  return weights;
};

/** Planes of a value: channels, height and width (equal). */
interface Size {
  readonly channels: number;
  readonly side: number;
}

const sizesOf = (net: Architecture): readonly Size[] => {
  const sizes: Size[] = [];
  for (const s of net) {
    const x = s.from < 0 ? { channels: 1, side: SIDE } : at(sizes, s.from);
    switch (s.kind) {
      case 'conv':
        sizes.push({ channels: s.outputs, side: x.side / s.stride });
        break;
      case 'dense':
        sizes.push({ channels: s.outputs, side: 1 });
        break;
      case 'pool':
        sizes.push({ ...x, side: x.side / 2 });
        break;
      default:
        sizes.push(x);
    }
  }
  return sizes;
};

/** Patches of a picture: f32[channels * 9, positions]. */
const patches = (x: Float32Array, size: Size, stride: number, out: Float32Array): void => {
  const { channels, side } = size;
  const to = side / stride;
  for (let c = 0; c < channels; c++)
    for (let t = 0; t < TAPS; t++) {
      const [dy, dx] = [Math.floor(t / 3) - 1, (t % 3) - 1];
      const row = (c * TAPS + t) * to * to;
      for (let y = 0; y < to; y++) {
        const sy = y * stride + dy;
        for (let q = 0; q < to; q++) {
          const sx = q * stride + dx;
          out[row + y * to + q] = sy < 0 || sy >= side || sx < 0 || sx >= side ? 0 : (x[(c * side + sy) * side + sx] ?? 0);
        }
      }
    }
};

/** Adds what patches say to the picture they came from. */
const unpatched = (grad: Float32Array, size: Size, stride: number, into: Float32Array): void => {
  const { channels, side } = size;
  const to = side / stride;
  for (let c = 0; c < channels; c++)
    for (let t = 0; t < TAPS; t++) {
      const [dy, dx] = [Math.floor(t / 3) - 1, (t % 3) - 1];
      const row = (c * TAPS + t) * to * to;
      for (let y = 0; y < to; y++) {
        const sy = y * stride + dy;
        if (sy < 0 || sy >= side) continue;
        for (let q = 0; q < to; q++) {
          const sx = q * stride + dx;
          if (sx < 0 || sx >= side) continue;
          const i = (c * side + sy) * side + sx;
          into[i] = (into[i] ?? 0) + (grad[row + y * to + q] ?? 0);
        }
      }
    }
};

/** Runs a network and its derivative, one picture at a time. */
export class SmallNet {
  readonly weights: Weights;
  private readonly net: Architecture;
  private readonly sizes: readonly Size[];
  private readonly parts: ReturnType<typeof partsOf>['parts'];
  private readonly values: Float32Array[];
  private readonly grads: Float32Array[];
  private readonly columns: (Float32Array | undefined)[];
  private readonly columnGrads: (Float32Array | undefined)[];
  private picture: Float32Array = new Float32Array(SIDE * SIDE);

  constructor(net: Architecture, weights: Weights) {
    this.net = net;
    this.weights = weights;
    this.sizes = sizesOf(net);
    this.parts = partsOf(net).parts;
    this.values = this.sizes.map((s) => new Float32Array(s.channels * s.side * s.side));
    this.grads = this.values.map((v) => new Float32Array(v.length));
    const room = (s: Step, i: number): Float32Array | undefined =>
      s.kind === 'conv' ? new Float32Array(s.inputs * TAPS * at(this.sizes, i).side ** 2) : undefined;
    this.columns = net.map(room);
    this.columnGrads = net.map(room);
  }

  private inputOf(s: Step): Float32Array {
    return s.from < 0 ? this.picture : at(this.values, s.from);
  }

  private sizeBefore(s: Step): Size {
    return s.from < 0 ? { channels: 1, side: SIDE } : at(this.sizes, s.from);
  }

  /** Ten logits. */
  forward(picture: Float32Array): Float32Array {
    this.picture = picture;
    this.net.forEach((s, i) => {
      const [x, y] = [this.inputOf(s), at(this.values, i)];
      const part = this.parts[i];
      switch (s.kind) {
        case 'conv':
        case 'dense': {
          if (part === undefined) return;
          let columns = x;
          if (s.kind === 'conv') {
            columns = at(this.columns, i) ?? x;
            patches(x, this.sizeBefore(s), s.stride, columns);
          }
          const positions = y.length / part.outputs;
          for (let o = 0; o < part.outputs; o++) {
            y.fill(this.weights[part.biases + o] ?? 0, o * positions, (o + 1) * positions);
            for (let r = 0; r < part.row; r++) {
              const w = this.weights[part.weights + o * part.row + r] ?? 0;
              for (let p = 0, a = o * positions, b = r * positions; p < positions; p++, a++, b++)
                y[a] = (y[a] ?? 0) + w * (columns[b] ?? 0);
            }
          }
          return;
        }
        case 'relu':
          for (let k = 0; k < y.length; k++) y[k] = Math.max(0, x[k] ?? 0);
          return;
        case 'add': {
          const other = at(this.values, s.other);
          for (let k = 0; k < y.length; k++) y[k] = (x[k] ?? 0) + (other[k] ?? 0);
          return;
        }
        case 'pool': {
          const { channels, side } = at(this.sizes, i);
          for (let c = 0; c < channels; c++)
            for (let q = 0; q < side * side; q++) {
              const j = (c * 2 * side + 2 * Math.floor(q / side)) * 2 * side + 2 * (q % side);
              y[c * side * side + q] = Math.max(x[j] ?? 0, x[j + 1] ?? 0, x[j + 2 * side] ?? 0, x[j + 2 * side + 1] ?? 0);
            }
          return;
        }
        default:
          s satisfies never;
      }
    });
    return at(this.values, this.net.length - 1);
  }

  /** Adds the derivative of the cross entropy for one picture. */
  backward(label: number, into: Weights): void {
    const last = this.net.length - 1;
    const logits = at(this.values, last);
    const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const exps = logits.map((v) => Math.exp(v - top));
    const total = exps.reduce((a, b) => a + b, 0);
    for (const g of this.grads) g.fill(0);
    exps.forEach((e, c) => {
      at(this.grads, last)[c] = e / total - (c === label ? 1 : 0);
    });
    for (let i = last; i >= 0; i--) this.step(at(this.net, i), i, into);
  }

  private step(s: Step, i: number, into: Weights): void {
    const [x, g] = [this.inputOf(s), at(this.grads, i)];
    const gx = s.from < 0 ? undefined : at(this.grads, s.from);
    const part = this.parts[i];
    switch (s.kind) {
      case 'conv':
      case 'dense': {
        if (part === undefined) return;
        const columns = s.kind === 'conv' ? (this.columns[i] ?? x) : x;
        const cg = s.kind === 'conv' ? this.columnGrads[i] : gx;
        if (s.kind === 'conv') cg?.fill(0);
        const positions = g.length / part.outputs;
        for (let o = 0; o < part.outputs; o++) {
          const start = o * positions;
          let sum = 0;
          for (let p = start; p < start + positions; p++) sum += g[p] ?? 0;
          into[part.biases + o] = (into[part.biases + o] ?? 0) + sum;
          for (let r = 0; r < part.row; r++) {
            const wi = part.weights + o * part.row + r;
            const w = this.weights[wi] ?? 0;
            let dot = 0;
            for (let p = 0, a = start, b = r * positions; p < positions; p++, a++, b++) {
              const d = g[a] ?? 0;
              dot += d * (columns[b] ?? 0);
              if (cg !== undefined) cg[b] = (cg[b] ?? 0) + w * d;
            }
            into[wi] = (into[wi] ?? 0) + dot;
          }
        }
        if (s.kind === 'conv' && gx !== undefined && cg !== undefined) unpatched(cg, this.sizeBefore(s), s.stride, gx);
        return;
      }
      case 'relu':
        for (let k = 0; k < g.length; k++) if ((x[k] ?? 0) > 0 && gx !== undefined) gx[k] = (gx[k] ?? 0) + (g[k] ?? 0);
        return;
      case 'add': {
        const go = at(this.grads, s.other);
        for (let k = 0; k < g.length; k++) {
          if (gx !== undefined) gx[k] = (gx[k] ?? 0) + (g[k] ?? 0);
          go[k] = (go[k] ?? 0) + (g[k] ?? 0);
        }
        return;
      }
      case 'pool': {
        const { channels, side } = at(this.sizes, i);
        for (let c = 0; c < channels; c++)
          for (let q = 0; q < side * side; q++) {
            const j = (c * 2 * side + 2 * Math.floor(q / side)) * 2 * side + 2 * (q % side);
            let best = j;
            for (const k of [j + 1, j + 2 * side, j + 2 * side + 1]) if ((x[k] ?? 0) > (x[best] ?? 0)) best = k;
            if (gx !== undefined) gx[best] = (gx[best] ?? 0) + (g[c * side * side + q] ?? 0);
          }
        return;
      }
      default:
        s satisfies never;
    }
  }
}
