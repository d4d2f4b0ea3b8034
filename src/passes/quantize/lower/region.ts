import { type AnyNode, type Attrs, clamp, DTYPE_INFO, rshr, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { alongAxis } from '../../rewrite.ts';
import { type Affine, affineOfRange, quantizeValue, wideOfMagnitude } from '../affine.ts';
import { type Emit, i16Table, wholeOf } from '../emit.ts';
import { probeRegion, type Region, regionTable } from '../region.ts';

/**
 * Functions of a 16-bit value, element by element. One that is the same for all channels is a table of 513 knots with straight
 * lines between them (NUMERICS §1.3), exact for functions that bend at 0 only, such as relu; where lines miss it by far, as
 * steps and roots, a table of all 65536 codes. One that differs from channel to channel is computed step by step in int32
 * of 2^26 steps; what has no such steps takes 8 bits of its input.
 */
const KNOTS = 513;
const MIDDLE = 256;
const STEP = 128;
/** Greatest integer of an intermediate value. */
const MOST = 2 ** 26;
const LIMIT = 2 ** 30;
/** Two such factors and their product fit int32. */
const FACTOR = 2 ** 15;

const absmaxOf = ({ data }: Tensor): number => {
  let most = 0;
  for (const v of data) most = Math.max(most, Math.abs(v));
  return most;
};

const constantOf = (emit: Emit) => (v: ValueId) => emit.plan.constantOf(v);
const knotsOf = (scale: number): Float64Array => Float64Array.from({ length: KNOTS }, (_, i) => (i - MIDDLE) * STEP * scale);

/** The knots as i16, neighbours at most 32767 apart: a steeper slope is cut. */
const tableOf = (values: ArrayLike<number>, output: Affine): Tensor => {
  const data = new Int16Array(KNOTS);
  for (let i = 0; i < KNOTS; i++) {
    const v = quantizeValue(at(values, i), output);
    const before = data[i - 1] ?? v;
    data[i] = clamp(v, before - 32767, before + 32767);
  }
  return i16Table(data);
};

const CODES = 65536;
const LEAST_CODE = -32768;
/** Steps of an i16 result by which lines may miss the function at most; beyond, the table has every code. */
const MOST_MISS = 32;

/** By how many steps the lines between the knots miss the function at most. */
const missOf = ({ data: knots }: Tensor, exact: ArrayLike<number>, output: Affine): number => {
  let worst = 0;
  for (let i = 0; i < CODES; i++) {
    const k = i >> 7;
    const low = at(knots, k);
    const line = rshr(low * STEP + (at(knots, k + 1) - low) * (i & (STEP - 1)), 7);
    worst = Math.max(worst, Math.abs(line - quantizeValue(at(exact, i), output)));
  }
  return worst;
};

/**
 * A function of i16 values, the same for all.
 * @param f - real results for real inputs, in order
 */
const emitFunction = (emit: Emit, x: ValueId, scale: number, f: (inputs: Float64Array) => ArrayLike<number>, wanted: Affine): ValueId => {
  const output = wideFor(wanted);
  const knots = tableOf(f(knotsOf(scale)), output);
  const exact = f(Float64Array.from({ length: CODES }, (_, i) => (i + LEAST_CODE) * scale));
  if (missOf(knots, exact, output) <= MOST_MISS)
    return converted(emit, emit.op('table', [x, emit.constant('table', knots)], {}), output, wanted);
  const codes = DTYPE_INFO[wanted.dtype].make(CODES);
  for (let i = 0; i < CODES; i++) codes[i] = quantizeValue(at(exact, i), wanted);
  const table = emit.constant('table', { dtype: wanted.dtype, shape: [CODES], data: codes });
  const index = emit.op('add', [emit.op('cast', [x], { dtype: 'i32' }), emit.scalar(-LEAST_CODE)], {});
  return emit.op('gather', [table, index], { axis: 0 });
};

/** An i16 quantization that holds all that `wanted` does. */
export const wideFor = (wanted: Affine): Affine =>
  wanted.dtype === 'i16' ? wanted : { scale: (wanted.scale * 255) / 32767, zero: 0, dtype: 'i16' };

const converted = (emit: Emit, x: ValueId, own: Affine, wanted: Affine): ValueId =>
  own === wanted ? x : emit.rescale(x, [own.scale / wanted.scale], wholeOf(wanted), own.zero);

/** A value of the region as int32: real = unit * integer. */
interface Fixed {
  readonly int: ValueId;
  readonly unit: number;
}

/** Computes a region step by step; undefined where a node has no step. */
class Steps {
  private readonly emit: Emit;
  private readonly shape: readonly number[];
  private readonly values = new Map<ValueId, Fixed>();
  /** Results of comparisons. */
  private readonly masks = new Map<ValueId, ValueId>();
  /** Greatest magnitude of each value for any input. */
  private readonly most: ReadonlyMap<ValueId, number>;

  constructor(emit: Emit, region: Region, probes: ReadonlyMap<ValueId, Tensor>) {
    this.emit = emit;
    this.shape = emit.plan.typeOf(region.root).shape;
    this.most = new Map([...probes].map(([v, t]) => [v, absmaxOf(t)]));
    this.values.set(region.root, {
      int: emit.op('cast', [emit.int(region.root)], { dtype: 'i32' }),
      unit: emit.affineOf(region.root).scale,
    });
  }

  get(value: ValueId): Fixed | undefined {
    return this.values.get(value);
  }

  /** In another unit. */
  private to({ int, unit }: Fixed, wanted: number, limit = LIMIT): ValueId {
    return unit === wanted ? int : this.emit.rescaleTo(int, [unit / wanted], { dtype: 'i32', width: 'w21', lo: -limit, hi: limit });
  }

  private vector(tensor: Tensor, entry: (v: number) => number): ValueId {
    const data = Int32Array.from(tensor.data, (v: number) => clamp(entry(v), -LIMIT, LIMIT));
    return this.emit.constant('k', { dtype: 'i32', shape: tensor.shape, data });
  }

  /** x times a real for each channel. */
  private scaled(x: Fixed, tensor: Tensor, factorOf: (v: number) => number, most: number): Fixed | undefined {
    const row = alongAxis(tensor, this.shape, 1);
    if (row === undefined) return undefined;
    const factors = Array.from(row, factorOf);
    const unit = most === 0 ? x.unit : most / MOST;
    const signed = factors.some((v) => v < 0)
      ? this.emit.op('mul', [x.int, this.vector(tensor, (v) => (factorOf(v) < 0 ? -1 : 1))], {})
      : x.int;
    const attrs = { dtype: 'i32', width: 'w21', lo: -LIMIT, hi: LIMIT } as const;
    const int = this.emit.rescaleTo(
      signed,
      factors.map((v) => (Math.abs(v) * x.unit) / unit),
      attrs,
    );
    return { int, unit };
  }

  private sum(node: AnyNode, a: Fixed | Tensor, b: Fixed | Tensor, most: number): Fixed {
    const unit = most === 0 ? 1 : most / MOST;
    const part = (v: Fixed | Tensor): ValueId => ('int' in v ? this.to(v, unit) : this.vector(v, (x) => Math.floor(x / unit + 0.5)));
    return { int: this.emit.op(node.op === 'sub' ? 'sub' : 'add', [part(a), part(b)], {}), unit };
  }

  private product(a: Fixed, b: Fixed, mostA: number, mostB: number): Fixed {
    const units = [mostA, mostB].map((m) => (m === 0 ? 1 : m / (FACTOR - 1))) as [number, number];
    const int = this.emit.op('mul', [this.to(a, units[0], FACTOR), this.to(b, units[1], FACTOR)], {});
    return { int, unit: units[0] * units[1] };
  }

  private clamped({ int, unit }: Fixed, lo: number, hi: number): Fixed {
    const bound = (v: number): number => clamp(Math.floor(v / unit + 0.5), -LIMIT, LIMIT);
    return { int: this.emit.op('clamp', [int], { lo: bound(lo), hi: bound(hi) }), unit };
  }

  private binary(node: AnyNode, a: ValueId, b: ValueId, most: number): Fixed | undefined {
    const [ka, kb] = [this.emit.plan.constantOf(a), this.emit.plan.constantOf(b)];
    const [x, y] = [this.values.get(a), this.values.get(b)];
    const [left, right] = [x ?? ka, y ?? kb];
    if (left === undefined || right === undefined) return undefined;
    const reach = Math.max(most, this.reach(a, ka), this.reach(b, kb));
    if (node.op === 'add' || node.op === 'sub') return this.sum(node, left, right, reach);
    if (node.op === 'mul' && x !== undefined && y !== undefined) return this.product(x, y, this.reach(a, ka), this.reach(b, kb));
    if (node.op === 'mul' && x !== undefined && kb !== undefined) return this.scaled(x, kb, (v) => v, most);
    if (node.op === 'mul' && y !== undefined && ka !== undefined) return this.scaled(y, ka, (v) => v, most);
    if (node.op === 'div' && x !== undefined && kb !== undefined) return this.scaled(x, kb, (v) => (v === 0 ? 0 : 1 / v), most);
    if (node.op !== 'maximum' && node.op !== 'minimum') return undefined;
    const { parts, unit } = this.alike(a, b);
    return parts === undefined ? undefined : { int: this.emit.op(node.op, parts, {}), unit };
  }

  /** Two values, or a value and numbers, in one unit. */
  private alike(a: ValueId, b: ValueId): { readonly parts: readonly [ValueId, ValueId] | undefined; readonly unit: number } {
    const [ka, kb] = [this.emit.plan.constantOf(a), this.emit.plan.constantOf(b)];
    const most = Math.max(this.reach(a, ka), this.reach(b, kb));
    const unit = most === 0 ? 1 : most / MOST;
    const part = (v: Fixed | Tensor): ValueId => ('int' in v ? this.to(v, unit) : this.vector(v, (k) => Math.floor(k / unit + 0.5)));
    const [left, right] = [this.values.get(a) ?? ka, this.values.get(b) ?? kb];
    return { parts: left === undefined || right === undefined ? undefined : [part(left), part(right)], unit };
  }

  /** A comparison, or a choice by one. @returns whether the node is one, with steps */
  private chosen(node: AnyNode): boolean {
    const result = at(node.results, 0);
    const [a, b, c] = node.operands;
    if (a === undefined || b === undefined) return false;
    if (node.op === 'less' || node.op === 'less_equal') {
      const { parts } = this.alike(a, b);
      if (parts !== undefined) this.masks.set(result, this.emit.op(node.op, parts, {}));
      return parts !== undefined;
    }
    const mask = this.masks.get(a);
    if (node.op !== 'select' || c === undefined || mask === undefined) return false;
    const { parts, unit } = this.alike(b, c);
    if (parts !== undefined) this.values.set(result, { int: this.emit.op('select', [mask, ...parts], {}), unit });
    return parts !== undefined;
  }

  private reach(value: ValueId, constant: Tensor | undefined): number {
    return constant === undefined ? (this.most.get(value) ?? 0) : absmaxOf(constant);
  }

  /** A node of one run-time operand and numbers, by a table. */
  private tabulated(node: AnyNode, operand: ValueId, x: Fixed): Fixed | undefined {
    const result = at(node.results, 0);
    const others = node.operands.filter((v) => v !== operand);
    if (others.some((v) => this.emit.plan.constantOf(v)?.data.length !== 1)) return undefined;
    const input = wideOfMagnitude(this.most.get(operand) ?? 0);
    const output = wideOfMagnitude(this.most.get(result) ?? 0);
    const region: Region = { root: operand, value: result, nodes: [node] };
    const f = (inputs: ArrayLike<number>): Tensor | undefined => probeRegion(region, [], inputs, constantOf(this.emit)).get(result);
    if (f([0])?.dtype !== 'f32') return undefined;
    const narrow = this.emit.rescale(x.int, [x.unit / input.scale], wholeOf(input));
    const y = emitFunction(this.emit, narrow, input.scale, (inputs) => f(inputs)?.data ?? [], output);
    return { int: this.emit.op('cast', [y], { dtype: 'i32' }), unit: output.scale };
  }

  /** Adds the steps of a node. @returns false when it has none */
  add(node: AnyNode): boolean {
    const result = at(node.results, 0);
    const [a, b] = node.operands;
    if (a === undefined) return false;
    if (this.chosen(node)) return true;
    const x = this.values.get(a);
    const most = this.most.get(result) ?? 0;
    let made: Fixed | undefined;
    if (b !== undefined) made = this.binary(node, a, b, most);
    else if (x === undefined) return false;
    else if (node.op === 'relu') made = this.clamped(x, 0, Number.POSITIVE_INFINITY);
    else if (node.op === 'clip') made = this.clamped(x, (node.attrs as Attrs<'clip'>).min, (node.attrs as Attrs<'clip'>).max);
    else if (node.op === 'neg') made = { int: this.emit.op('sub', [this.emit.scalar(0), x.int], {}), unit: x.unit };
    if (made === undefined) {
      const dynamic = node.operands.filter((v) => this.values.has(v));
      const [only] = dynamic;
      const own = only === undefined || dynamic.some((v) => v !== only) ? undefined : this.values.get(only);
      made = only === undefined || own === undefined ? undefined : this.tabulated(node, only, own);
    }
    if (made === undefined || !Number.isFinite(most)) return false;
    this.values.set(result, made);
    return true;
  }
}

/** Ops whose steps are exact, where a table would bend in the middle of a line. */
const BENDS: ReadonlySet<string> = new Set(['relu', 'clip', 'neg', 'maximum', 'minimum']);

const sameRows = ({ shape: [, channels = 1], data }: Tensor): boolean => data.every((v, i) => v === data[i - (i % channels)]);

const lowerWideRegion = (emit: Emit, region: Region, wanted: Affine): ValueId => {
  const { plan } = emit;
  const { shape } = plan.typeOf(region.root);
  const own = emit.affineOf(region.root);
  const probes = probeRegion(region, shape, knotsOf(own.scale), constantOf(emit));
  const knots = probes.get(region.value);
  const bends = region.nodes.length <= 2 && region.nodes.every((n) => BENDS.has(n.op));
  if (knots !== undefined && sameRows(knots) && !bends) {
    const channels = knots.shape[1] ?? 1;
    const f = (inputs: Float64Array): ArrayLike<number> => {
      const probed = probeRegion(region, shape, inputs, constantOf(emit)).get(region.value)?.data ?? [];
      return channels === 1 ? probed : Float64Array.from(inputs, (_, i) => at(probed, i * channels));
    };
    return emitFunction(emit, emit.int(region.root), own.scale, f, wanted);
  }
  const steps = new Steps(emit, region, probes);
  if (region.nodes.every((node) => steps.add(node))) {
    const y = steps.get(region.value);
    if (y !== undefined) return emit.rescale(y.int, [y.unit / wanted.scale], wholeOf(wanted));
  }
  const reach = own.scale * 32767;
  const narrow = affineOfRange(-reach, reach);
  const table = regionTable(region, shape, narrow, wanted, constantOf(emit));
  return emit.op('table', [emit.intAs(region.root, narrow), emit.constant('table', table)], {});
};

/** The integer form of a function of one value: a table of an 8-bit value's codes; for 16 bits see above. */
export const lowerRegion = (emit: Emit, region: Region, wanted: Affine): ValueId => {
  const own = emit.affineOf(region.root);
  if (own.dtype === 'i16') return lowerWideRegion(emit, region, wanted);
  const table = regionTable(region, emit.plan.typeOf(region.root).shape, own, wanted, constantOf(emit));
  return emit.op('table', [emit.int(region.root), emit.constant('table', table)], {});
};
