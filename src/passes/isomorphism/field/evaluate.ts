import { elementCount, formatType, isStaticType, opOf, Philox, stridesOf } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import { attrText, type Graph, irOp, type Term } from '../graph.ts';
import { moveAttrs, sourceIndex } from '../normal/movement.ts';
import { broadcastIndex, sameSizes, shapeOf } from '../normal/shapes.ts';
import { Field, MOST_TERMS, Oracle, PRIMES } from './modular.ts';
import { tapPlaces, type Window } from './windows.ts';

/** Elements of the field, one for each element of a value. */
export type Elements = Uint32Array;

/** Why a graph has no value: a division by 0, an infinite weight, more work than is done. */
export class NoValue extends Error {
  override readonly name = 'NoValue';
}

/** Ops that are polynomials, or that move elements, are computed; all others are functions drawn at random. */
class Evaluation {
  private readonly field: Field;
  private readonly oracle: Oracle;
  private readonly trial: number;
  private readonly seed: number;

  constructor(seed: number, trial: number) {
    this.seed = seed;
    this.trial = trial;
    const p = at(PRIMES, trial % PRIMES.length);
    const random = new Philox(seed, trial, 0xf1e1d);
    this.field = new Field(p);
    this.oracle = new Oracle(p, [random.next(), random.next()]);
  }

  private input(term: Term, key: number): Elements {
    const random = new Philox(this.seed, this.trial, key);
    return Uint32Array.from({ length: elementCount(shapeOf(term)) }, () => random.next() % this.field.p);
  }

  private constant(term: Term): Elements {
    const values = term.constant?.values() ?? [];
    const out = new Uint32Array(values.length);
    for (let i = 0; i < out.length; i++) {
      const v = Number(values[i] ?? 0);
      // what is no number only goes into functions drawn at random
      out[i] = Number.isFinite(v) ? this.field.embed(v) : this.oracle.at(this.oracle.key(String(v)), []);
    }
    return out;
  }

  /** A number for what a term computes. */
  private keyOf(term: Term, more = ''): number {
    return this.oracle.key(`${term.op}#${term.result} ${term.type.dtype} ${attrText(term.op, term.attrs)} ${more}`);
  }

  private elementwise(term: Term, operands: readonly Elements[]): Elements {
    const key = this.keyOf(term);
    const places = term.operands.map((o) => broadcastIndex(shapeOf(o), shapeOf(term)));
    const own = new Uint32Array(operands.length);
    return Uint32Array.from({ length: elementCount(shapeOf(term)) }, (_, i) => {
      operands.forEach((x, k) => {
        own[k] = at(x, at(places, k)(i));
      });
      return this.oracle.at(key, own);
    });
  }

  private fold(term: Term, operands: readonly Elements[], f: (a: number, b: number) => number, start: number): Elements {
    const out = new Uint32Array(elementCount(shapeOf(term))).fill(start);
    operands.forEach((x, k) => {
      const place = broadcastIndex(shapeOf(at(term.operands, k)), shapeOf(term));
      for (let i = 0; i < out.length; i++) out[i] = f(at(out, i), at(x, place(i)));
    });
    return out;
  }

  /** Sums of products of rows: f[i] = sum over t of x[places[i, t]] w[row + t], 0 where the place is below 0. */
  private dot(x: Elements, places: Int32Array, start: number, base: number, w: Elements, row: number, count: number, sum: number): number {
    const { p } = this.field;
    let [high, low, total] = [0, 0, sum];
    for (let t = 0; t < count; t++) {
      const place = places[start + t] ?? -1;
      if (place < 0) continue;
      const [a, b] = [x[base + place] ?? 0, w[row + t] ?? 0];
      high += a * (b >>> 16);
      low += a * (b & 0xffff);
      if (t % MOST_TERMS === MOST_TERMS - 1) {
        total = (total + (high % p) * 65_536 + (low % p)) % p;
        [high, low] = [0, 0];
      }
    }
    return (total + (high % p) * 65_536 + (low % p)) % p;
  }

  private conv(term: Term, x: Elements, w: Elements): Elements {
    const [batch = 1, inputs = 1, ...plane] = shapeOf(at(term.operands, 0));
    const [rows = 1, perGroup = 1, ...kernel] = shapeOf(at(term.operands, 1));
    const { groups } = term.attrs as { readonly groups: number };
    const output = shapeOf(term).slice(2);
    const places = tapPlaces(plane, output, kernel, term.attrs as unknown as Window);
    const [positions, taps, size] = [elementCount(output), elementCount(kernel), elementCount(plane)];
    const out = new Uint32Array(batch * rows * positions);
    for (let n = 0; n < batch; n++)
      for (let r = 0; r < rows; r++) {
        const first = Math.floor(r / (rows / groups)) * perGroup;
        for (let o = 0; o < positions; o++) {
          let sum = 0;
          for (let i = 0; i < perGroup; i++)
            sum = this.dot(x, places, o * taps, (n * inputs + first + i) * size, w, (r * perGroup + i) * taps, taps, sum);
          out[(n * rows + r) * positions + o] = sum;
        }
      }
    return out;
  }

  private dense(term: Term, x: Elements, w: Elements): Elements {
    const [rows = 1, length = 1] = shapeOf(at(term.operands, 1));
    const places = Int32Array.from({ length }, (_, i) => i);
    const count = x.length / Math.max(1, length);
    const out = new Uint32Array(count * rows);
    for (let n = 0; n < count; n++)
      for (let r = 0; r < rows; r++) out[n * rows + r] = this.dot(x, places, 0, n * length, w, r * length, length, 0);
    return out;
  }

  /** Products of matrices; undefined where their outer axes are broadcast. */
  private matmul(term: Term, x: Elements, y: Elements): Elements | undefined {
    const [a, b] = [shapeOf(at(term.operands, 0)), shapeOf(at(term.operands, 1))];
    if (a.length < 2 || a.length !== b.length || !sameSizes(a.slice(0, -2), b.slice(0, -2))) return undefined;
    const [n, k, m] = [at(a, a.length - 2), at(a, a.length - 1), at(b, b.length - 1)];
    const count = elementCount(a.slice(0, -2));
    const places = Int32Array.from({ length: k }, (_, i) => i);
    const column = new Uint32Array(k);
    const out = new Uint32Array(count * n * m);
    for (let c = 0; c < count; c++)
      for (let j = 0; j < m; j++) {
        for (let i = 0; i < k; i++) column[i] = y[(c * k + i) * m + j] ?? 0;
        for (let i = 0; i < n; i++) out[(c * n + i) * m + j] = this.dot(x, places, 0, (c * n + i) * k, column, 0, k, 0);
      }
    return out;
  }

  /** Elements that go into each element of a reduction, in order. */
  private reduced(term: Term, x: Elements, f: (values: Uint32Array) => number): Elements {
    const from = shapeOf(at(term.operands, 0));
    const { axes } = term.attrs as { readonly axes: readonly number[] };
    const kept = from.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
    const strides = stridesOf(from);
    const count = axes.reduce((n, a) => n * at(from, a), 1);
    const offset = (i: number, over: readonly number[]): number => {
      let [rest, place] = [i, 0];
      for (let d = over.length - 1; d >= 0; d--) {
        const axis = at(over, d);
        place += (rest % at(from, axis)) * at(strides, axis);
        rest = Math.floor(rest / at(from, axis));
      }
      return place;
    };
    const inner = Int32Array.from({ length: count }, (_, i) => offset(i, axes));
    return Uint32Array.from({ length: elementCount(shapeOf(term)) }, (_, i) => {
      const base = offset(i, kept);
      return f(Uint32Array.from(inner, (o) => at(x, base + o)));
    });
  }

  private total(values: Uint32Array): number {
    let sum = 0;
    for (const v of values) sum += v;
    return sum % this.field.p;
  }

  /** A function of all values that does not depend on their order, such as their maximum. */
  private symmetric(key: number): (values: Uint32Array) => number {
    return (values) => this.oracle.at(key, values.sort());
  }

  private pool(term: Term, x: Elements): Elements | undefined {
    const [batch = 1, channels = 1, ...plane] = shapeOf(at(term.operands, 0));
    const a = term.attrs as unknown as Window & { readonly kernel: readonly number[]; readonly include_pad?: boolean };
    const output = shapeOf(term).slice(2);
    const places = tapPlaces(plane, output, a.kernel, a);
    const [positions, taps, size] = [elementCount(output), elementCount(a.kernel), elementCount(plane)];
    const out = new Uint32Array(batch * channels * positions);
    const most = this.symmetric(this.oracle.key('maximum'));
    // what counts as a place in the padding is a matter of attributes that say more than the window
    if (term.op === 'average_pool' && a.include_pad === true) return undefined;
    for (let c = 0; c < batch * channels; c++)
      for (let o = 0; o < positions; o++) {
        const own = places.subarray(o * taps, (o + 1) * taps).filter((t) => t >= 0);
        const values = Uint32Array.from(own, (t) => at(x, c * size + t));
        const mean = (): number => this.field.mul(this.total(values), this.field.inverse(values.length) ?? 0);
        out[c * positions + o] = term.op === 'max_pool' ? most(values) : mean();
      }
    return out;
  }

  private softmax(term: Term, x: Elements): Elements {
    const { axis } = term.attrs as { readonly axis: number };
    const shape = shapeOf(term);
    const [n, inner] = [at(shape, axis), elementCount(shape.slice(axis + 1))];
    const key = this.oracle.key('exp');
    const out = new Uint32Array(x.length);
    for (let start = 0; start < x.length; start += n * inner)
      for (let j = start; j < start + inner; j++) {
        const values = Uint32Array.from({ length: n }, (_, i) => this.oracle.at(key, [at(x, j + i * inner)]));
        const inverse = this.field.inverse(this.total(values));
        if (inverse === undefined) throw new NoValue('a sum of exponentials is 0');
        values.forEach((v, i) => {
          out[j + i * inner] = this.field.mul(v, inverse);
        });
      }
    return out;
  }

  private power(term: Term, operands: readonly Elements[]): Elements | undefined {
    const exponent = term.operands[1]?.constant;
    const e = exponent === undefined || elementCount(exponent.type.shape) !== 1 ? Number.NaN : Number(exponent.values()[0]);
    if (!Number.isInteger(e) || Math.abs(e) > 64) return undefined;
    return at(operands, 0).map((v) => {
      const base = e < 0 ? this.field.inverse(v) : v;
      if (base === undefined) throw new NoValue(`${term.origin} divides by 0`);
      return this.field.power(base, Math.abs(e));
    });
  }

  private joined(term: Term, operands: readonly Elements[]): Elements {
    const { axis } = term.attrs as { readonly axis: number };
    const shape = shapeOf(term);
    const outer = elementCount(shape.slice(0, axis));
    const out = new Uint32Array(elementCount(shape));
    let next = 0;
    for (let o = 0; o < outer; o++)
      for (const x of operands) {
        const run = x.length / outer;
        out.set(x.subarray(o * run, (o + 1) * run), next);
        next += run;
      }
    return out;
  }

  private sliced(term: Term, x: Elements): Elements {
    const { starts, steps } = term.attrs as unknown as { readonly starts: readonly number[]; readonly steps: readonly number[] };
    const [strides, shape] = [stridesOf(shapeOf(at(term.operands, 0))), shapeOf(term)];
    return Uint32Array.from({ length: elementCount(shape) }, (_, i) => {
      let [rest, place] = [i, 0];
      for (let d = shape.length - 1; d >= 0; d--) {
        place += (at(starts, d) + (rest % at(shape, d)) * at(steps, d)) * at(strides, d);
        rest = Math.floor(rest / at(shape, d));
      }
      return at(x, place);
    });
  }

  /** An op of which nothing is known is a function of everything that goes into it, drawn at random. */
  private opaque(term: Term, operands: readonly Elements[]): Elements {
    const key = this.keyOf(term, term.operands.map((o) => formatType(o.type)).join(' '));
    const digest = operands.map((x) => this.oracle.at(key, x));
    return Uint32Array.from({ length: elementCount(shapeOf(term)) }, (_, i) => this.oracle.at(key, [...digest, i]));
  }

  private known(term: Term, operands: readonly Elements[]): Elements | undefined {
    const [x, y] = operands;
    const { p } = this.field;
    const finite = term.operands.every((o) => o.constant === undefined || term.op === 'bounded' || isFinite(o));
    if (x === undefined || !finite || !isPolynomial(term)) return undefined;
    switch (term.op) {
      case 'sum':
        return this.fold(term, operands, (a, b) => (a + b) % p, 0);
      case 'product':
        return this.fold(term, operands, (a, b) => this.field.mul(a, b), 1);
      case 'move': {
        const index = sourceIndex(moveAttrs(term));
        return Uint32Array.from({ length: x.length }, (_, i) => at(x, index(i)));
      }
      case 'conv':
        return y === undefined ? undefined : this.conv(term, x, y);
      case 'dense':
        return y === undefined ? undefined : this.dense(term, x, y);
      case 'matmul':
        return y === undefined ? undefined : this.matmul(term, x, y);
      case 'power':
        return this.power(term, operands);
      case 'concat':
        return this.joined(term, operands);
      case 'slice':
        return this.sliced(term, x);
      case 'reduce_sum':
        return this.reduced(term, x, (values) => this.total(values));
      case 'reduce_max':
        return this.reduced(term, x, this.symmetric(this.oracle.key('maximum')));
      case 'max_pool':
      case 'average_pool':
        return this.pool(term, x);
      case 'softmax':
        return this.softmax(term, x);
      default:
        return undefined;
    }
  }

  private of(term: Term, operands: readonly Elements[]): Elements {
    const known = this.known(term, operands);
    if (known !== undefined) return known;
    const op = irOp(term.op);
    const pointwise = op === undefined ? term.op !== 'input' : opOf(op).traits.pointwise === true;
    return pointwise && operands.length > 0 ? this.elementwise(term, operands) : this.opaque(term, operands);
  }

  /** The values of all terms. @param inputKeys - which inputs are the same, for each input of the graph */
  run(graph: Graph, inputKeys: readonly number[]): ReadonlyMap<Term, Elements> {
    const values = new Map<Term, Elements>();
    graph.inputs.forEach(({ term }, i) => values.set(term, this.input(term, at(inputKeys, i))));
    for (const term of graph.terms) {
      if (values.has(term)) continue;
      const operands = term.operands.map((o) => {
        const value = values.get(o);
        invariant(value !== undefined, 'operands come first');
        return value;
      });
      values.set(term, term.constant === undefined ? this.of(term, operands) : this.constant(term));
    }
    return values;
  }
}

/** Integers are rounded, or shifted and padded with what stands for 0, where reals are not. */
const isPolynomial = ({ op, type, attrs }: Term): boolean => {
  const { pad_value: padded = 0, accumulator_shift: shift = 0 } = attrs as {
    readonly pad_value?: number;
    readonly accumulator_shift?: number;
  };
  const rounds = op === 'average_pool' || op === 'softmax' || op === 'power';
  return padded === 0 && shift === 0 && (type.dtype === 'f32' || !rounds);
};

const isFinite = (term: Term): boolean => {
  const values = term.constant?.values() ?? [];
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(Number(values[i]))) return false;
  return true;
};

/** Multiplications that a graph takes, about. */
export const workOf = (graph: Graph): number =>
  graph.terms.reduce((work, t) => {
    if (!isStaticType(t.type)) return Number.POSITIVE_INFINITY;
    const own = elementCount(t.type.shape);
    const w = t.operands[1];
    if (t.op === 'conv' || t.op === 'dense') return work + own * (w === undefined ? 1 : elementCount(shapeOf(w).slice(1)));
    if (t.op === 'matmul') return work + own * (shapeOf(at(t.operands, 0)).at(-1) ?? 1);
    // a random function costs more than a product
    return work + 20 * own;
  }, 0);

/**
 * What all terms of a graph are for random inputs, in a field of about 2^31 elements: sums and products as they are, weights exactly, any other
 * function of single elements or of a whole value drawn at random. Graphs that compute the same for all functions have the same values.
 * @throws {NoValue}
 */
export const evaluateInField = (graph: Graph, inputKeys: readonly number[], seed: number, trial: number): ReadonlyMap<Term, Elements> =>
  new Evaluation(seed, trial).run(graph, inputKeys);
