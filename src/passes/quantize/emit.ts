import {
  type AnyAttrs,
  type AnyNode,
  type AttrsIn,
  clamp,
  DTYPE_INFO,
  encodeRescale,
  type OpName,
  type PrimitiveName,
  type Program,
  ProgramBuilder,
  type RescaleWidth,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { at, invariant, unwrap } from '../../support/index.ts';
import { type Affine, affineOfRange, quantizeTensor, quantizeValue, wideOfConstant } from './affine.ts';
import type { GivenIntegers } from './given/given-scales.ts';
import type { KeptIntegers } from './given/linear.ts';
import type { WeightBits } from './layer-weights.ts';
import type { Plan } from './plan.ts';
import type { RoleFacts } from './role.ts';
import type { LayerFeedback } from './rounding.ts';
import { type Region, regionOf, requantTable } from './region.ts';

/** How the quantizer treats an op. */
export interface Role extends RoleFacts {
  readonly lower: (emit: Emit, node: AnyNode) => void;
}

/** Where a producer's result goes: the quantization it takes, and its limits as integers. */
export interface Destination {
  readonly value: ValueId;
  readonly affine: Affine;
  readonly lo: number;
  readonly hi: number;
}

/** One emitted value, for the report. */
export interface Emitted {
  readonly node: AnyNode;
  readonly float: ValueId;
  readonly int: ValueId;
}

/** The whole range of a quantization. */
export const wholeOf = (affine: Affine): Pick<Destination, 'affine' | 'lo' | 'hi'> => {
  const { lo, hi } = DTYPE_INFO[affine.dtype];
  return { affine, lo, hi };
};

/** Factors this large saturate every output but that of 0, which they keep at 0: a larger one changes nothing. */
const LARGEST_FACTOR = { n15: 2 ** 13, w21: 2 ** 19 } as const satisfies Record<RescaleWidth, number>;

const i32 = (values: readonly number[]): Tensor => ({ dtype: 'i32', shape: [values.length], data: Int32Array.from(values) });

export interface EmitOptions {
  /** By leader; constants are left out. */
  readonly affines: ReadonlyMap<ValueId, Affine>;
  /** Mean input of each layer, per channel. */
  readonly means: ReadonlyMap<ValueId, Float64Array>;
  /** Integers that the model stores for parameters. */
  readonly integers?: ReadonlyMap<ValueId, GivenIntegers>;
  readonly weightBitsOf: (node: AnyNode) => WeightBits;
  /** Rounding of a layer's weights with regard to its inputs; undefined rounds to nearest. */
  readonly feedbackOf: (node: AnyNode) => LayerFeedback | undefined;
  readonly powerOfTwo: boolean;
  /** The integer form of a function of one value. */
  readonly lowerRegion: (emit: Emit, region: Region, wanted: Affine) => ValueId;
}

/** Builds the integer program: knows the quantization of each value and its integer form. */
export class Emit {
  readonly plan: Plan;
  private readonly roles: Readonly<Record<PrimitiveName, Role>>;
  readonly weightBitsOf: (node: AnyNode) => WeightBits;
  readonly feedbackOf: (node: AnyNode) => LayerFeedback | undefined;
  readonly powerOfTwo: boolean;
  readonly emitted: Emitted[] = [];
  readonly integers: ReadonlyMap<ValueId, GivenIntegers>;
  /** What came of the integers that the model stores. */
  readonly kept: KeptIntegers[] = [];
  private readonly lowerRegion: EmitOptions['lowerRegion'];
  private readonly builder: ProgramBuilder;
  private readonly affines: ReadonlyMap<ValueId, Affine>;
  private readonly means: ReadonlyMap<ValueId, Float64Array>;
  private readonly ints = new Map<ValueId, ValueId>();
  private readonly requants = new Map<string, ValueId>();
  private readonly names = new Set<string>();
  /** Quantized weights that were made from each tensor. */
  private readonly weights = new Map<ValueId, readonly { readonly value: ValueId; readonly data: Tensor['data'] }[]>();
  private current: AnyNode | undefined;

  constructor(
    plan: Plan,
    roles: Readonly<Record<PrimitiveName, Role>>,
    { affines, means, integers, weightBitsOf, feedbackOf, powerOfTwo, lowerRegion }: EmitOptions,
  ) {
    this.plan = plan;
    this.roles = roles;
    this.affines = affines;
    this.means = means;
    this.integers = integers ?? new Map();
    this.weightBitsOf = weightBitsOf;
    this.feedbackOf = feedbackOf;
    this.powerOfTwo = powerOfTwo;
    this.lowerRegion = lowerRegion;
    this.builder = new ProgramBuilder(plan.program.name);
    for (const port of plan.program.inputs) {
      const { dtype, shape } = plan.typeOf(port.value);
      this.names.add(port.name);
      const own = dtype === 'f32' ? this.affineOf(port.value).dtype : dtype;
      this.ints.set(port.value, this.builder.input(port.name, { dtype: own, shape }));
    }
  }

  /** The quantization of a float value. */
  affineOf(value: ValueId): Affine {
    const leader = this.plan.leaderOf(value);
    const constant = this.plan.constantOf(leader);
    if (constant !== undefined) {
      let lo = 0;
      let hi = 0;
      for (const v of constant.data) {
        if (v < lo) lo = v;
        if (v > hi) hi = v;
      }
      return this.plan.wide.has(leader) ? wideOfConstant(Math.max(-lo, hi)) : affineOfRange(lo, hi);
    }
    const affine = this.affines.get(leader);
    invariant(affine !== undefined, `value ${leader} has no quantization`);
    return affine;
  }

  /** The calibrated mean of a layer's input, per channel. */
  meanOf(value: ValueId): Float64Array | undefined {
    return this.means.get(value);
  }

  /** Where the result of a node goes. */
  destinationOf(node: AnyNode): Destination {
    const { value, lo, hi } = this.plan.targetOf(at(node.results, 0));
    const affine = this.affineOf(value);
    const limits = DTYPE_INFO[affine.dtype];
    const bound = (real: number, otherwise: number): number => (Number.isFinite(real) ? quantizeValue(real, affine) : otherwise);
    return { value, affine, lo: bound(lo, limits.lo), hi: bound(hi, limits.hi) };
  }

  typeOf(int: ValueId): StaticType {
    return this.builder.typeOf(int) as StaticType;
  }

  /** A parameter; its name is the wanted one, or that with a number when it is taken. */
  param(name: string, tensor: Tensor): ValueId {
    let unique = name;
    for (let i = 2; this.names.has(unique); i++) unique = `${name}_${i}`;
    this.names.add(unique);
    return this.builder.param(unique, tensor);
  }

  /**
   * The quantized form of a weight. The uses of one weight, such as the steps of an unrolled recurrent layer, share a
   * parameter where they quantize it alike.
   */
  weight(source: ValueId, tensor: Tensor): ValueId {
    const made = this.weights.get(source) ?? [];
    const alike = ({ value, data }: (typeof made)[number]): boolean =>
      this.typeOf(value).dtype === tensor.dtype && data.length === tensor.data.length && data.every((v, i) => v === tensor.data[i]);
    const same = made.find(alike);
    if (same !== undefined) return same.value;
    const value = this.param(this.paramName(source), tensor);
    this.weights.set(source, [...made, { value, data: tensor.data }]);
    return value;
  }

  /** A small constant that belongs to the node being emitted. */
  constant(what: string, tensor: Tensor): ValueId {
    return this.param(`${this.current === undefined ? 'program' : this.plan.nameOf(this.current)}.${what}`, tensor);
  }

  scalar(value: number): ValueId {
    return this.constant('k', { dtype: 'i32', shape: [], data: Int32Array.of(value) });
  }

  /** The integers of a value less their zero point, as i32. */
  centred(value: ValueId): ValueId {
    const { zero } = this.affineOf(value);
    const wide = this.op('cast', [this.int(value)], { dtype: 'i32' });
    return zero === 0 ? wide : this.op('sub', [wide, this.scalar(zero)], {});
  }

  /** The integers of a value less their zero point, as i16: what products of 16 bits take. */
  centred16(value: ValueId): ValueId {
    const { dtype, scale } = this.affineOf(value);
    return dtype === 'i16' ? this.int(value) : this.intAs(value, { scale, zero: 0, dtype: 'i16' });
  }

  i32Table(what: string, entry: (i: number) => number): ValueId {
    return this.constant(what, { dtype: 'i32', shape: [256], data: Int32Array.from({ length: 256 }, (_, i) => entry(i)) });
  }

  op<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>): ValueId {
    return this.builder.emit(op, operands, attrs, this.origin());
  }

  opAll(op: OpName, operands: readonly ValueId[], attrs: AnyAttrs): readonly ValueId[] {
    return unwrap(this.builder.tryEmit(op, operands, attrs, this.origin()));
  }

  private origin(): string | undefined {
    return this.current === undefined ? undefined : this.plan.nameOf(this.current);
  }

  /** Says what integer value stands for a float value. */
  define(value: ValueId, int: ValueId): void {
    this.ints.set(value, int);
    if (this.current !== undefined) this.emitted.push({ node: this.current, float: value, int });
  }

  /** The integer form of a value, in its own quantization. Constants are quantized on first use. */
  int(value: ValueId): ValueId {
    const known = this.ints.get(value);
    if (known !== undefined) return known;
    const constant = this.plan.constantOf(value);
    invariant(constant !== undefined, `value ${value} is used before it is emitted`);
    const made = this.param(this.paramName(value), constant.dtype === 'f32' ? quantizeTensor(constant, this.affineOf(value)) : constant);
    this.ints.set(value, made);
    return made;
  }

  /** The user's name of a parameter. */
  paramName(value: ValueId): string {
    return this.plan.program.params.find((p) => p.value === value)?.name ?? `value${value}`;
  }

  /** The integer form of a value in a given quantization: through a table or, of 16 bits, a rescale, when it has another. */
  intAs(value: ValueId, affine: Affine): ValueId {
    const own = this.affineOf(value);
    if (own.scale === affine.scale && own.zero === affine.zero && own.dtype === affine.dtype) return this.int(value);
    const constant = this.plan.constantOf(value);
    if (constant !== undefined) return this.param(this.paramName(value), quantizeTensor(constant, affine));
    const key = `${value}:${affine.scale}:${affine.zero}:${affine.dtype}`;
    const known = this.requants.get(key);
    if (known !== undefined) return known;
    const narrow = own.dtype === 'i8' && affine.dtype === 'i8';
    const made = narrow
      ? this.op('table', [this.int(value), this.constant('requantize', requantTable(own, affine))], {})
      : this.rescale(this.int(value), [own.scale / affine.scale], wholeOf(affine), own.zero);
    this.requants.set(key, made);
    return made;
  }

  /**
   * Multiplies an integer value by real factors (one, or one per index of axis 1) and brings it to its destination: the
   * one rescale op, n15 for i8 and w21 for i16.
   */
  rescale(x: ValueId, factors: readonly number[], to: Pick<Destination, 'affine' | 'lo' | 'hi'>, inputZero = 0): ValueId {
    const width: RescaleWidth = to.affine.dtype === 'i8' ? 'n15' : 'w21';
    const { dtype, zero } = to.affine;
    return this.rescaleTo(x, factors, { dtype, width, output_zero: zero, lo: to.lo, hi: to.hi, input_zero: inputZero });
  }

  rescaleTo(x: ValueId, factors: readonly number[], attrs: AttrsIn<'rescale'>): ValueId {
    const { multiplier, shift } = this.factors(factors, attrs.width === 'w21' ? 'w21' : 'n15');
    return this.op('rescale', [x, multiplier, shift], attrs);
  }

  /** Factors as the multiplier and shift operands of a rescale. */
  factors(factors: readonly number[], width: RescaleWidth): { readonly multiplier: ValueId; readonly shift: ValueId } {
    const encoded = factors.map((r) => encodeRescale(clamp(r, 0, LARGEST_FACTOR[width]), width));
    return {
      multiplier: this.constant('multiplier', i32(encoded.map((e) => e.multiplier))),
      shift: this.constant('shift', i32(encoded.map((e) => e.shift))),
    };
  }

  /** One node of the float program. */
  node(node: AnyNode): void {
    const { plan } = this;
    this.current = node;
    const [first] = node.results;
    invariant(first !== undefined, `${node.op} has a result`);
    if (plan.isInteger(node)) {
      const results = this.opAll(
        node.op,
        node.operands.map((v) => this.int(v)),
        node.attrs,
      );
      node.results.forEach((r, i) => this.ints.set(r, at(results, i)));
      return;
    }
    if (plan.isAbsorbed(node)) return;
    const root = plan.tableSourceOf(first);
    if (root !== undefined) {
      if (plan.needed.has(first)) this.table(root, first);
      return;
    }
    if (node.results.some((r) => plan.needed.has(plan.targetOf(r).value))) this.roles[node.op as PrimitiveName].lower(this, node);
  }

  private table(root: ValueId, value: ValueId): void {
    const { plan } = this;
    const [own, wanted] = [this.affineOf(root), this.affineOf(value)];
    // a clip to the range that the integers have
    if (plan.given.has(value) && plan.producerOf(value)?.operands[0] === root && own.scale === wanted.scale && own.zero === wanted.zero) {
      this.define(value, this.int(root));
      return;
    }
    const region = regionOf(
      root,
      value,
      (v) => plan.producerOf(v),
      (v) => plan.constantOf(v) !== undefined,
    );
    this.define(value, this.lowerRegion(this, region, wanted));
  }

  finish(): Program {
    this.current = undefined;
    for (const output of this.plan.program.outputs) this.builder.output(output.name, this.int(output.value));
    return this.builder.finish();
  }
}

/** Typed data of a 1-D table. */
export const i16Table = (data: Int16Array): Tensor => ({ dtype: 'i16', shape: [data.length], data });
