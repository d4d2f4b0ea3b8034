import {
  type AnyNode,
  type Attrs,
  DTYPE_INFO,
  elementCount,
  evaluateNode,
  isStaticType,
  nodeCost,
  opOf,
  paramTensors,
  type Program,
  producers,
  sameShape,
  type StaticType,
  type Tensor,
  type TensorType,
  useCounts,
  type ValueId,
} from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';

/** q = saturate(round(x / scale) + zero), kept in lo..hi. */
export interface QuantizeStep {
  readonly x: ValueId;
  /** Where x is an integer sum times `factor`: the sum, as f32. */
  readonly sum?: { readonly value: ValueId; readonly factor: Tensor };
  readonly scale: number;
  readonly zero: number;
  readonly lo: number;
  readonly hi: number;
}

/** q = saturate(round(x / scale) + zero), scale and zero computed at run time. */
export interface DynamicStep {
  readonly x: ValueId;
  readonly scale: ValueId;
  readonly zero: ValueId;
}

/** (q - zero) * scale; scale and zero are single numbers or broadcast over q. */
interface DequantizeStep {
  readonly q: ValueId;
  readonly scale: Tensor;
  readonly zero: Tensor | undefined;
}

/** A constant of reals that a model stores as integers: codes * scale, scale broadcast over the codes. */
interface QuantizedConstant {
  /** i32: the zero point is taken off. */
  readonly codes: Tensor;
  readonly scale: Tensor;
  /** The int8 parameter that holds just these codes. */
  readonly param?: ValueId;
}

/** Constants lie this many nodes behind their parameters at most. */
const MAX_DEPTH = 64;
const MAX_ELEMENTS = 2 ** 28;
const MAX_COST = 2 ** 30;

/** The number that all elements are; undefined when they differ, or there are none. */
export const uniform = (tensor: Tensor | undefined): number | undefined => {
  const first = tensor?.data[0];
  return tensor?.data.every((v) => v === first) === true ? first : undefined;
};

const evaluateOne = (op: AnyNode['op'], operands: readonly Tensor[], attrs: AnyNode['attrs'], type: StaticType): Tensor =>
  at(evaluateNode(op, operands, attrs, [type]), 0);

/** A tensor broadcast to a shape. */
const broadcastTo = (tensor: Tensor, shape: readonly number[]): Tensor =>
  evaluateOne('expand', [tensor], { shape }, { dtype: tensor.dtype, shape });

/** What can be told of an imported program's quantization: steps that quantize, steps that give reals back, stored integers. */
export class Source {
  readonly program: Program;
  private readonly uses: Uint32Array;
  private readonly params: ReadonlyMap<ValueId, string>;
  private readonly rounded: ReadonlySet<ValueId>;
  private readonly producer: ReadonlyMap<ValueId, AnyNode>;
  private readonly known: Map<ValueId, Tensor | undefined>;
  private readonly stored = new Map<ValueId, QuantizedConstant | undefined>();

  constructor(program: Program) {
    this.program = program;
    this.uses = useCounts(program);
    this.producer = producers(program) as ReadonlyMap<ValueId, AnyNode>;
    this.known = new Map(paramTensors(program));
    this.params = new Map(program.params.map((p) => [p.value, p.name]));
    this.rounded = new Set(program.nodes.flatMap((n) => (n.op === 'round' ? n.operands : [])));
  }

  typeOf(value: ValueId): TensorType {
    return at(this.program.types, value);
  }

  producerOf(value: ValueId): AnyNode | undefined {
    return this.producer.get(value);
  }

  usedOnce(value: ValueId): boolean {
    return this.uses[value] === 1;
  }

  /** Whether a value is rounded to whole numbers: a step of a quantization. */
  isRounded(value: ValueId): boolean {
    return this.rounded.has(value);
  }

  /** The tensor that a value is whatever the inputs are; undefined for a run-time value. */
  constantOf(value: ValueId, depth = 0): Tensor | undefined {
    if (this.known.has(value) || depth > MAX_DEPTH) return this.known.get(value);
    const tensor = this.evaluate(value, depth);
    this.known.set(value, tensor);
    return tensor;
  }

  private evaluate(value: ValueId, depth: number): Tensor | undefined {
    const node = this.producer.get(value);
    const type = this.typeOf(value);
    if (node === undefined || node.operands.length === 0 || node.results.length !== 1 || !isStaticType(type)) return undefined;
    if (elementCount(type.shape) > MAX_ELEMENTS) return undefined;
    const operands: Tensor[] = [];
    for (const v of node.operands) {
      const tensor = this.constantOf(v, depth + 1);
      if (tensor === undefined) return undefined;
      operands.push(tensor);
    }
    return nodeCost(this.program, node) > MAX_COST ? undefined : evaluateOne(node.op, operands, node.attrs, type);
  }

  numberOf(value: ValueId | undefined): number | undefined {
    return value === undefined ? undefined : uniform(this.constantOf(value));
  }

  private nodeIs(value: ValueId | undefined, op: AnyNode['op']): AnyNode | undefined {
    const node = value === undefined ? undefined : this.producer.get(value);
    return node?.op === op ? node : undefined;
  }

  /** The integer behind a cast to f32. */
  private integerBehind(value: ValueId): ValueId | undefined {
    const x = this.nodeIs(value, 'cast')?.operands[0];
    const { dtype } = x === undefined ? { dtype: 'f32' } : this.typeOf(x);
    return dtype === 'f32' || dtype === 'bool' || this.typeOf(value).dtype !== 'f32' ? undefined : x;
  }

  /** Operand and constant of a commutative node; the constant may stand on either side. */
  private withConstant(node: AnyNode): { readonly x: ValueId; readonly k: ValueId } | undefined {
    const [a, b] = node.operands;
    if (a === undefined || b === undefined) return undefined;
    if (this.constantOf(b) !== undefined && this.constantOf(a) === undefined) return { x: a, k: b };
    return this.constantOf(a) !== undefined && this.constantOf(b) === undefined ? { x: b, k: a } : undefined;
  }

  /** `value` = x / scale: a division, or an integer sum times factor / scale (QLinearConv, QLinearMatMul, QGemm). */
  private scaledBy(value: ValueId): Pick<QuantizeStep, 'x' | 'sum' | 'scale'> | undefined {
    const division = this.nodeIs(value, 'div');
    const scale = this.numberOf(division?.operands[1]);
    if (division !== undefined && scale !== undefined) {
      const x = at(division.operands, 0);
      return this.constantOf(x) === undefined ? { x, scale } : undefined;
    }
    const product = this.nodeIs(value, 'mul');
    const parts = product === undefined ? undefined : this.withConstant(product);
    const ratio = parts === undefined ? undefined : this.nodeIs(parts.k, 'div');
    const own = this.numberOf(ratio?.operands[1]);
    const factor = ratio === undefined ? undefined : this.constantOf(at(ratio.operands, 0));
    if (parts === undefined || own === undefined || factor === undefined || this.integerBehind(parts.x) === undefined) return undefined;
    return { x: value, sum: { value: parts.x, factor }, scale: own };
  }

  /** Reads a cast to an integer type as a quantization: cast(clip(round(x / scale) + zero)), clip and zero optional. */
  quantizeStep(node: AnyNode): QuantizeStep | undefined {
    const { dtype } = node.op === 'cast' ? (node.attrs as Attrs<'cast'>) : { dtype: 'f32' as const };
    if (dtype !== 'i8' && dtype !== 'u8' && dtype !== 'i16' && dtype !== 'i32') return undefined;
    let value = at(node.operands, 0);
    if (this.typeOf(value).dtype !== 'f32') return undefined;
    let { lo, hi } = DTYPE_INFO[dtype];
    const clip = this.nodeIs(value, 'clip');
    if (clip !== undefined) {
      const { min, max } = clip.attrs as Attrs<'clip'>;
      [lo, hi, value] = [Math.max(lo, min), Math.min(hi, max), at(clip.operands, 0)];
    }
    const sum = this.nodeIs(value, 'add');
    const shifted = sum === undefined ? undefined : this.withConstant(sum);
    const zero = shifted === undefined ? 0 : this.numberOf(shifted.k);
    const whole = this.nodeIs(shifted?.x ?? value, 'round');
    if (whole === undefined || zero === undefined || !Number.isInteger(zero)) return undefined;
    const scaled = this.scaledBy(at(whole.operands, 0));
    return scaled === undefined || !(scaled.scale > 0) || !(lo <= zero && zero <= hi) || hi - lo > 65_535
      ? undefined
      : { ...scaled, zero, lo, hi };
  }

  /** Reads a cast to uint8 as a quantization with a scale and a zero point that are computed from x: DynamicQuantizeLinear. */
  dynamicStep(node: AnyNode): DynamicStep | undefined {
    const sum = node.op === 'cast' && (node.attrs as Attrs<'cast'>).dtype === 'u8' ? this.nodeIs(node.operands[0], 'add') : undefined;
    const division = this.nodeIs(this.nodeIs(sum?.operands[0], 'round')?.operands[0], 'div');
    const zero = sum === undefined ? undefined : this.integerBehind(at(sum.operands, 1));
    const [x, scale] = division?.operands ?? [];
    if (x === undefined || scale === undefined || zero === undefined || this.constantOf(scale) !== undefined) return undefined;
    return this.typeOf(scale).shape.length === 0 && this.constantOf(x) === undefined ? { x, scale, zero } : undefined;
  }

  /** Reads a product as cast(sum) * (scale * factor), factor constant. */
  dynamicProduct(node: AnyNode): { readonly cast: ValueId; readonly scale: ValueId; readonly factor: Tensor } | undefined {
    const [a, b] = node.op === 'mul' ? node.operands : [];
    for (const [cast, other] of [
      [a, b],
      [b, a],
    ]) {
      if (cast === undefined || this.integerBehind(cast) === undefined) continue;
      const product = this.nodeIs(other, 'mul');
      const parts = product === undefined ? undefined : this.withConstant(product);
      const factor = parts === undefined ? undefined : this.constantOf(parts.k);
      if (parts !== undefined && factor !== undefined) return { cast, scale: parts.x, factor };
    }
    return undefined;
  }

  /** Reads a node as a dequantization: mul(cast(q) - zero, scale), or mul(cast(q - zero), scale), or the op itself. */
  dequantizeStep(node: AnyNode): DequantizeStep | undefined {
    if (node.op === 'dequantize') {
      const { scale, zero } = node.attrs as Attrs<'dequantize'>;
      const scalar = (dtype: 'f32' | 'i32', v: number): Tensor => ({ dtype, shape: [], data: DTYPE_INFO[dtype].make(1).fill(v) });
      return { q: at(node.operands, 0), scale: scalar('f32', scale), zero: scalar('i32', zero) };
    }
    if (node.op !== 'mul') return undefined;
    const [a, b] = node.operands as readonly [ValueId, ValueId];
    for (const [x, k] of [
      [a, b],
      [b, a],
    ] as const) {
      const centred = this.centred(x);
      const scale = centred === undefined ? undefined : this.constantOf(k);
      if (centred !== undefined && scale !== undefined) return { ...centred, scale };
    }
    return undefined;
  }

  private centred(value: ValueId): Omit<DequantizeStep, 'scale'> | undefined {
    const unscaled = this.nodeIs(value, 'dequantize');
    if (unscaled !== undefined) {
      const { q, scale, zero } = this.dequantizeStep(unscaled) ?? {};
      return q !== undefined && uniform(scale) === 1 ? { q, zero } : undefined;
    }
    const outside = this.nodeIs(value, 'sub');
    if (outside !== undefined) {
      const q = this.integerBehind(at(outside.operands, 0));
      const zero = this.constantOf(at(outside.operands, 1));
      return q === undefined || zero === undefined ? undefined : { q, zero };
    }
    const q = this.integerBehind(value);
    const inside = this.nodeIs(q, 'sub');
    const zero = inside === undefined ? undefined : this.constantOf(at(inside.operands, 1));
    if (inside !== undefined && zero !== undefined) return { q: at(inside.operands, 0), zero };
    return q === undefined ? undefined : { q, zero: undefined };
  }

  /** The name of the integers that a constant is made of. */
  storedName(value: ValueId): string | undefined {
    let v: ValueId | undefined = value;
    for (let depth = 0; depth < MAX_DEPTH && v !== undefined && !this.params.has(v); depth++) v = this.producer.get(v)?.operands[0];
    return v === undefined ? undefined : this.params.get(v);
  }

  /** The stored integers behind a constant of reals, moved as the program moves them; undefined when there are none. */
  quantizedConstant(value: ValueId, depth = 0): QuantizedConstant | undefined {
    if (this.stored.has(value) || depth > MAX_DEPTH) return this.stored.get(value);
    const found = this.findStored(value, depth);
    this.stored.set(value, found);
    return found;
  }

  private findStored(value: ValueId, depth: number): QuantizedConstant | undefined {
    const node = this.producer.get(value);
    const type = this.typeOf(value);
    if (node === undefined || !isStaticType(type) || type.dtype !== 'f32') return undefined;
    const step = this.dequantizeStep(node);
    if (step !== undefined) {
      const codes = this.constantOf(step.q);
      if (codes === undefined || elementCount(codes.shape) !== elementCount(type.shape)) return undefined;
      const plain = codes.dtype === 'i8' && this.params.has(step.q) && (step.zero === undefined || uniform(step.zero) === 0);
      const own = plain && sameShape(codes.shape, type.shape) ? { param: step.q } : {};
      return { codes: centredCodes(codes, step.zero, type.shape), scale: step.scale, ...own };
    }
    const [x, ...more] = node.operands;
    if (x === undefined || more.length > 0 || opOf(node.op).traits.movement !== true || node.results.length !== 1) return undefined;
    const inner = this.quantizedConstant(x, depth + 1);
    if (inner === undefined) return undefined;
    const moved = (t: Tensor): Tensor => evaluateOne(node.op, [t], node.attrs, { dtype: t.dtype, shape: type.shape });
    const whole = elementCount(inner.scale.shape) === 1;
    return { codes: moved(inner.codes), scale: whole ? inner.scale : moved(broadcastTo(inner.scale, inner.codes.shape)) };
  }
}

/** q - zero as i32, in the shape of the reals. */
const centredCodes = (q: Tensor, zero: Tensor | undefined, shape: readonly number[]): Tensor => {
  const own = zero === undefined ? 0 : uniform(zero);
  const each = own === undefined && zero !== undefined ? broadcastTo(zero, shape).data : undefined;
  return { dtype: 'i32', shape, data: Int32Array.from(q.data, (v, i) => v - (own ?? each?.[i] ?? 0)) };
};

/** The scale of each row (index of axis 0) of a stored constant; undefined when it differs within a row. */
export const rowScales = ({ codes, scale }: QuantizedConstant): readonly number[] | undefined => {
  const [rows = 1] = codes.shape;
  const one = uniform(scale);
  if (one !== undefined) return new Array<number>(rows).fill(one);
  const { data } = broadcastTo(scale, codes.shape);
  const per = data.length / rows;
  const scales = Array.from({ length: rows }, (_, c) => data[c * per] ?? 0);
  return data.every((v, i) => v === scales[Math.floor(i / per)]) ? scales : undefined;
};
