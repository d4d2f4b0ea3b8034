import {
  type AnyAttrs,
  type AnyNode,
  DTYPE_INFO,
  elementCount,
  isStaticShape,
  type OpName,
  POW2,
  type Program,
  ProgramBuilder,
  type Tensor,
  typeOf,
  type ValueId,
} from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';

/** A value of the real program, and the integer that stands for 0 in the integer program. */
interface Real {
  readonly value: ValueId;
  readonly zero: number;
}

const STEPS: ReadonlySet<OpName> = new Set<OpName>(['rescale', 'add_rescale', 'mul_rescale', 'table']);
const INTEGERS: ReadonlySet<string> = new Set(['i6', 'i8', 'u8', 'i16', 'i32']);

/** Ops that move or choose elements: what stands for 0 stays what it is. */
const ZERO_KEPT: ReadonlySet<OpName> = new Set<OpName>([
  'max_pool',
  'average_pool',
  'global_max_pool',
  'reshape',
  'flatten',
  'transpose',
  'squeeze',
  'unsqueeze',
  'slice',
  'reduce_max',
]);

const f32 = (shape: readonly number[], data: Float32Array): Tensor => ({ dtype: 'f32', shape, data });

const LAYERS: ReadonlySet<OpName> = new Set<OpName>(['conv', 'dense', 'matmul']);

/** Whether a program computes with quantized integers, as compiled models and the QLinear operators of ONNX do. */
const isInteger = (program: Program): boolean =>
  (program.nodes as readonly AnyNode[]).some(
    (n) => STEPS.has(n.op) || (LAYERS.has(n.op) && typeOf(program, at(n.operands, 0)).dtype !== 'f32'),
  );

/** The number of a constant of one element, also under another shape. */
const scalarsOf = (program: Program): ReadonlyMap<ValueId, number> => {
  const scalars = new Map<ValueId, number>();
  for (const { value, tensor } of program.params) if (tensor.data.length === 1) scalars.set(value, tensor.data[0] ?? 0);
  for (const { op, operands, results } of program.nodes as readonly AnyNode[]) {
    const known = op === 'reshape' || op === 'cast' ? scalars.get(at(operands, 0)) : undefined;
    if (known !== undefined) scalars.set(at(results, 0), known);
  }
  return scalars;
};

/** What consumers take for 0, where the producer does not say. */
const zerosByUse = (program: Program): ReadonlyMap<ValueId, number> => {
  const zeros = new Map<ValueId, number>();
  const scalars = scalarsOf(program);
  const producer = new Map<ValueId, AnyNode>();
  for (const n of program.nodes as readonly AnyNode[]) for (const r of n.results) producer.set(r, n);
  for (const { op, operands, results, attrs } of [...(program.nodes as readonly AnyNode[])].reverse()) {
    const x = operands[0];
    if (x === undefined) continue;
    const later = zeros.get(results[0] ?? x);
    if ((ZERO_KEPT.has(op) || op === 'cast') && later !== undefined) zeros.set(x, later);
    // what is taken off before a scale is what stands for 0
    const taken = op === 'sub' ? scalars.get(operands[1] ?? x) : undefined;
    if (taken !== undefined) zeros.set(x, taken);
    // x W - zero (sum of W)
    const [product, correction] = op === 'sub' ? operands.map((o) => producer.get(o)) : [];
    const factor = correction?.op === 'mul' ? correction.operands.map((o) => scalars.get(o)).find((v) => v !== undefined) : undefined;
    if (product?.op === 'matmul' && factor !== undefined) zeros.set(at(product.operands, 0), factor);
    if (op === 'conv') zeros.set(x, Number(attrs['pad_value']));
    if (op === 'rescale') zeros.set(x, Number(attrs['input_zero']));
    if (op === 'add_rescale') operands.forEach((o, i) => zeros.set(o, Number((attrs['zeros'] as readonly number[])[i] ?? 0)));
  }
  return zeros;
};

class Lift {
  private readonly b: ProgramBuilder;
  private readonly values = new Map<ValueId, Real>();
  private readonly tensors: ReadonlyMap<ValueId, Tensor>;
  private readonly zeros: ReadonlyMap<ValueId, number>;
  private readonly program: Program;

  constructor(program: Program) {
    this.program = program;
    this.b = new ProgramBuilder(program.name);
    this.tensors = new Map(program.params.map((p) => [p.value, p.tensor]));
    this.zeros = zerosByUse(program);
  }

  private emit(op: OpName, operands: readonly ValueId[], attrs: AnyAttrs, origin?: string): ValueId | undefined {
    const emitted = this.b.tryEmit(op, operands, attrs, origin);
    return emitted.ok && emitted.value.length === 1 ? emitted.value[0] : undefined;
  }

  private number(v: number): ValueId {
    return this.b.constant(f32([], Float32Array.of(v)));
  }

  private real(v: ValueId): Real | undefined {
    const known = this.values.get(v);
    if (known !== undefined) return known;
    const tensor = this.tensors.get(v);
    if (tensor === undefined || tensor.dtype === 'bool') return undefined;
    const name = this.program.params.find((p) => p.value === v)?.name ?? 'constant';
    const made: Real = { value: this.b.param(name, f32(tensor.shape, Float32Array.from(tensor.data))), zero: 0 };
    this.values.set(v, made);
    return made;
  }

  /** The integer itself as a real number. */
  private plain(v: ValueId): ValueId | undefined {
    const r = this.real(v);
    return r === undefined || r.zero === 0 ? r?.value : this.emit('add', [r.value, this.number(r.zero)], {});
  }

  /** The same value with another integer that stands for 0. */
  private centred(r: Real, zero: number): Real | undefined {
    if (r.zero === zero) return r;
    const value = this.emit('add', [r.value, this.number(r.zero - zero)], {});
    return value === undefined ? undefined : { value, zero };
  }

  /** A layer over x - zero has the zero's share in its bias. */
  private layer(n: AnyNode): Real | undefined {
    const [x, w, bias] = n.operands;
    const given = x === undefined ? undefined : this.real(x);
    const from = given && this.centred(given, Number(n.attrs['pad_value'] ?? given.zero));
    const tensor = w === undefined ? undefined : this.tensors.get(w);
    const added = bias === undefined ? undefined : this.tensors.get(bias);
    if (from === undefined || tensor === undefined || w === undefined || (bias !== undefined && added === undefined)) return undefined;
    const rows = at(tensor.shape, 0);
    const length = elementCount(tensor.shape) / Math.max(1, rows);
    const factor = 1 / at(POW2, Number(n.attrs['accumulator_shift'] ?? 0));
    const b = Float32Array.from({ length: rows }, (_, r) => {
      let sum = 0;
      if (from.zero !== 0) for (let i = r * length; i < (r + 1) * length; i++) sum += tensor.data[i] ?? 0;
      return (added?.data[r] ?? 0) + from.zero * sum * factor;
    });
    const weights =
      factor === 1
        ? this.real(w)?.value
        : this.b.constant(
            f32(
              tensor.shape,
              Float32Array.from(tensor.data, (v) => v * factor),
            ),
          );
    if (weights === undefined) return undefined;
    const attrs: Record<string, AnyAttrs[string]> = { ...n.attrs };
    if (n.op === 'conv') attrs['pad_value'] = 0;
    if ('accumulator_shift' in attrs) attrs['accumulator_shift'] = 0;
    const value = this.emit(n.op, [from.value, weights, this.b.constant(f32([rows], b))], attrs, n.origin);
    return value === undefined ? undefined : { value, zero: 0 };
  }

  /** Where saturation begins at what stands for 0 it is relu; upper bounds are left out. */
  private saturated(value: ValueId | undefined, lo: number, zero: number, origin?: string): Real | undefined {
    const bounded = value !== undefined && lo === zero ? this.emit('relu', [value], {}, origin) : value;
    return bounded === undefined ? undefined : { value: bounded, zero };
  }

  private rescale(n: AnyNode): Real | undefined {
    const [x, m, s] = n.operands;
    const from = x === undefined ? undefined : this.real(x);
    const [multiplier, shift] = [m, s].map((v) => (v === undefined ? undefined : this.tensors.get(v)));
    if (from === undefined || multiplier === undefined || shift === undefined) return undefined;
    const rank = this.b.typeOf(from.value).shape.length;
    const k = Float32Array.from(multiplier.data, (v, i) => v / at(POW2, shift.data[i] ?? 0));
    const shape = k.length === 1 ? [] : [1, k.length, ...new Array<number>(Math.max(0, rank - 2)).fill(1)];
    const offset = from.zero - Number(n.attrs['input_zero']);
    const centred = offset === 0 ? from.value : this.emit('add', [from.value, this.number(offset)], {}, n.origin);
    const scaled = centred === undefined ? undefined : this.emit('mul', [centred, this.b.constant(f32(shape, k))], {}, n.origin);
    return this.saturated(scaled, Number(n.attrs['lo']), Number(n.attrs['output_zero']), n.origin);
  }

  private addRescale(n: AnyNode): Real | undefined {
    const [multipliers, zeros] = [n.attrs['multipliers'] as readonly number[], n.attrs['zeros'] as readonly number[]];
    let sum: ValueId | undefined;
    for (const [i, operand] of n.operands.entries()) {
      const r = this.real(operand);
      if (r === undefined) return undefined;
      const offset = r.zero - at(zeros, i);
      const centred = offset === 0 ? r.value : this.emit('add', [r.value, this.number(offset)], {});
      const scaled = centred && this.emit('mul', [centred, this.number(at(multipliers, i) / at(POW2, Number(n.attrs['shift'])))], {});
      sum = sum === undefined ? scaled : scaled && this.emit('add', [sum, scaled], {}, n.origin);
      if (sum === undefined) return undefined;
    }
    return this.saturated(sum, Number(n.attrs['lo']), Number(n.attrs['output_zero']), n.origin);
  }

  private mulRescale(n: AnyNode): Real | undefined {
    const [a, b] = n.operands.slice(0, 2).map((v) => this.real(v));
    if (a === undefined || b === undefined) return undefined;
    return this.saturated(this.emit('mul', [a.value, b.value], {}, n.origin), Number(n.attrs['lo']), Number(n.attrs['output_zero']));
  }

  private other(n: AnyNode): Real | undefined {
    const x = n.operands[0];
    const first = x === undefined ? undefined : this.real(x);
    if (ZERO_KEPT.has(n.op) && first !== undefined && n.operands.length === 1) {
      const value = this.emit(n.op, [first.value], n.attrs, n.origin);
      return value === undefined ? undefined : { value, zero: first.zero };
    }
    const reals = n.operands.map((v) => this.real(v));
    if (n.op === 'concat' && first !== undefined && reals.every((r) => r?.zero === first.zero)) {
      const value = this.emit(
        'concat',
        reals.flatMap((r) => r?.value ?? []),
        n.attrs,
        n.origin,
      );
      return value === undefined ? undefined : { value, zero: first.zero };
    }
    if (n.op === 'reduce_sum' && x !== undefined && first !== undefined) {
      const value = this.emit('reduce_sum', [first.value], n.attrs, n.origin);
      const [from, to] = [typeOf(this.program, x).shape, typeOf(this.program, at(n.results, 0)).shape];
      const times = isStaticShape(from) && isStaticShape(to) ? elementCount(from) / Math.max(1, elementCount(to)) : 1;
      return value === undefined ? undefined : { value, zero: first.zero * times };
    }
    const operands = n.operands.map((v) => this.plain(v));
    if (operands.includes(undefined)) return undefined;
    if (n.op === 'cast') return this.cast(n, operands[0]);
    // steps are left out
    const value = n.op === 'round' ? operands[0] : this.emit(n.op, operands as ValueId[], n.attrs, n.origin);
    return value === undefined ? undefined : { value, zero: 0 };
  }

  /** A cast keeps values, but for what saturates below what stands for 0. */
  private cast(n: AnyNode, x: ValueId | undefined): Real | undefined {
    const result = at(n.results, 0);
    const { dtype } = typeOf(this.program, result);
    const zero = this.zeros.get(result);
    if (x === undefined || zero === undefined || !INTEGERS.has(dtype)) return x === undefined ? undefined : { value: x, zero: 0 };
    const centred = this.centred({ value: x, zero: 0 }, zero);
    return centred && this.saturated(centred.value, DTYPE_INFO[dtype].lo, zero, n.origin);
  }

  private node(n: AnyNode): Real | undefined {
    switch (n.op) {
      case 'conv':
      case 'dense':
        return this.layer(n);
      case 'rescale':
        return this.rescale(n);
      case 'add_rescale':
        return this.addRescale(n);
      case 'mul_rescale':
        return this.mulRescale(n);
      case 'table': {
        // which curve a table holds is not asked: any stands for all
        const x = n.operands[0] === undefined ? undefined : this.real(n.operands[0]);
        const value = x && this.emit('tanh', [x.value], {}, n.origin);
        return value === undefined ? undefined : { value, zero: this.zeros.get(at(n.results, 0)) ?? 0 };
      }
      case 'clip': {
        const x = n.operands[0] === undefined ? undefined : this.real(n.operands[0]);
        return x && this.saturated(x.value, Number(n.attrs['min']), x.zero, n.origin);
      }
      default:
        return this.other(n);
    }
  }

  run(): Program | undefined {
    for (const { name, value } of this.program.inputs) {
      const { dtype, shape } = typeOf(this.program, value);
      const real = INTEGERS.has(dtype) || dtype === 'f32';
      if (!real) return undefined;
      this.values.set(value, { value: this.b.input(name, { dtype: 'f32', shape }), zero: this.zeros.get(value) ?? 0 });
    }
    for (const n of this.program.nodes as readonly AnyNode[]) {
      const made = n.results.length === 1 ? this.node(n) : undefined;
      if (made === undefined) return undefined;
      this.values.set(at(n.results, 0), made);
    }
    for (const { name, value } of this.program.outputs) {
      const r = this.real(value);
      if (r === undefined) return undefined;
      this.b.output(name, r.value);
    }
    return this.b.finish();
  }
}

/**
 * The network of real numbers that an integer program stands for, up to a factor for each tensor: steps and upper bounds of activations
 * are left out, multipliers are factors. Other programs are returned as they are; undefined where an op has no real counterpart.
 */
export const realProgram = (program: Program): Program | undefined => (isInteger(program) ? new Lift(program).run() : program);
