import { type AttrsIn, elementCount, type OpName, type Tensor, type ValueId } from '../../ir/index.ts';
import { toFile, toFirst } from '../import-session.ts';
import { ProgramInTheMaking, WarningList } from '../making.ts';
import { overLimit, stop, tensorProblem, warning } from './diagnostics.ts';
import { type ElemName, elemOf, type HostTensor, isFloat } from './elem.ts';
import { permuted, tensorOfHost } from './tensor.ts';
import type { KnownValue, Layout, Quantization } from './values.ts';

/**
 * Elements of constants that may be read, laid down anew and computed at import: a fixed part, and what the size of the file
 * justifies. Tensors may share a buffer, so that a small file could name the same weights a thousand times.
 */
const FREE_ELEMENTS = 2 ** 22;
const PER_BYTE = 6;
/** Results of ops: recurrent layers are unrolled. */
const MAX_RESULTS = 250_000;

/** A bound on work and memory, shared by a whole import. */
export class Budget {
  private elements: number;
  private results = MAX_RESULTS;
  constructor(fileBytes: number) {
    this.elements = FREE_ELEMENTS + PER_BYTE * fileBytes;
  }
  /** True when `count` more elements may be made at import; they then count. */
  take(count: number): boolean {
    if (!(count <= this.elements)) return false;
    this.elements -= count;
    return true;
  }
  /** Takes what the constants of the file need. @throws {MrlError} TFL1012 */
  need(count: number, name: string): void {
    if (!this.take(count))
      stop(overLimit('the constants of the model have more elements than the size of the file justifies', `tensor ${name}`));
  }
  takeResults(count: number, origin: string): void {
    this.results -= count;
    if (this.results < 0) stop(overLimit(`the program would have more than ${MAX_RESULTS} values after layers are unrolled`, origin));
  }
}

/** Warnings of an import, each text once. */
export class Warnings extends WarningList {
  constructor() {
    super(warning);
  }
  /** Tells once per type that the program keeps it as another. */
  narrowed(elem: ElemName, where: string): void {
    const { narrowed } = elemOf(elem);
    if (narrowed !== undefined) this.add(isFloat(elem) ? 'TFL3001' : 'TFL3002', `${elem} values are ${narrowed} in the program`, where);
  }
}

/** How a constant is laid down: a shape with the same elements, then dimension i of the result is dimension perm[i]. */
export interface Placement {
  readonly shape?: readonly number[];
  readonly perm?: readonly number[];
}

/** A program in the making, and its constants. */
export class Session extends ProgramInTheMaking {
  /** Constants of up to this many elements are computed with at import. */
  readonly maxFold = 65_536;
  readonly budget: Budget;
  readonly warnings: Warnings;
  private readonly constants = new Map<HostTensor, Map<string, ValueId>>();

  constructor(name: string, budget: Budget, warnings: Warnings) {
    super(name);
    this.budget = budget;
    this.warnings = warnings;
  }

  private readonly outputs = new Map<string, number>();
  /** An unused name among the outputs. */
  uniqueOutput(wish: string): string {
    const uses = (this.outputs.get(wish) ?? 0) + 1;
    this.outputs.set(wish, uses);
    return uses === 1 ? wish : this.uniqueOutput(`${wish}_${uses}`);
  }

  override emitAll<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin: string): readonly ValueId[] {
    const results = super.emitAll(op, operands, attrs, origin);
    this.budget.takeResults(results.length, origin);
    return results;
  }

  /**
   * A constant as a value of the program, its reals where it is quantized: dequantize(codes), times the scales where there is
   * one for each index of a dimension. Made once for each placement.
   */
  constant(value: KnownValue, placement: Placement = {}): ValueId {
    const { host } = value;
    if (host === undefined) throw new RangeError(`${value.name} is no constant`);
    const key = JSON.stringify(placement);
    const known = this.constants.get(host) ?? new Map<string, ValueId>();
    this.constants.set(host, known);
    const have = known.get(key);
    if (have !== undefined) return have;
    const made = this.makeConstant(value, host, placement);
    known.set(key, made);
    return made;
  }

  private makeConstant(value: KnownValue, host: HostTensor, { shape = host.shape, perm = [...shape.keys()] }: Placement): ValueId {
    const { quantization: q, name } = value;
    this.budget.need(host.data.length, name);
    const placed = permuted({ ...host, shape }, perm);
    if (q === undefined) return this.param(name, checked(name, placed));
    if (q.scales.length > 1 && shape.length !== host.shape.length)
      return stop(tensorProblem('TFL1008', name, 'it has a scale for each index of a dimension that is reshaped'));
    const codes = codesOf(name, placed);
    // int64 biases beyond int32 have no integers to be kept as
    if (codes === undefined) return this.param(name, realsOf(placed, q, perm.indexOf(q.axis)));
    return this.reals(this.param(name, codes), q, perm.indexOf(q.axis), name);
  }

  /** (codes - zero) * scale; `axis` is where the quantized dimension stands. */
  private reals(codes: ValueId, q: Quantization, axis: number, origin: string): ValueId {
    const [scale = 1, zero = 0] = [q.scales[0], q.zeros[0]];
    if (q.scales.length === 1) return this.emit('dequantize', [codes], { scale, zero }, origin);
    const rank = this.builder.typeOf(codes).shape.length;
    const along = (data: readonly number[]): ValueId => {
      const shape = Array.from({ length: rank }, (_, i) => (i === axis ? data.length : 1));
      return this.param(`${origin}/scales`, { dtype: 'f32', shape, data: Float32Array.from(data) });
    };
    const alike = q.zeros.every((z) => z === zero);
    const plain = this.emit('dequantize', [codes], { scale: 1, zero: alike ? zero : 0 }, origin);
    const centred = alike ? plain : this.emit('sub', [plain, along(q.zeros)], {}, origin);
    return this.emit('mul', [centred, along(q.scales)], {}, origin);
  }

  /** A value in a layout. */
  wire(value: KnownValue, layout: Layout = 'file'): ValueId {
    const { wires, shape, host } = value;
    const have = wires[layout];
    if (have !== undefined) return have;
    const rank = shape.length;
    const made =
      host !== undefined
        ? this.constant(value, layout === 'first' ? { perm: toFirst(rank) } : {})
        : layout === 'first'
          ? this.emit('transpose', [this.wire(value)], { perm: toFirst(rank) }, value.name)
          : this.emit('transpose', [this.wire(value, 'first')], { perm: toFile(rank) }, value.name);
    wires[layout] = made;
    return made;
  }

  /**
   * Reals rounded to the grid of an activation: dequantize(quantize(x)). uint8 has the grid of int8 with a zero point less 128; the
   * integers of 16 and 32 bits are rounded, ties to even, in float.
   */
  quantized(x: ValueId, elem: ElemName, q: Quantization, origin: string): ValueId {
    const code = elem === 'uint8' ? 'uint8' : elem === 'int8' ? 'int8' : undefined;
    const [scale = 1, zero = 0] = [q.scales[0], q.zeros[0]];
    if (code === undefined) {
      const codes = this.codes(x, elem, q, origin);
      return this.emit('dequantize', [codes], { scale, zero }, origin);
    }
    const shifted = code === 'uint8' ? zero - 128 : zero;
    const codes = this.emit('quantize', [x], { inverse_scale: Math.fround(1 / scale), zero: shifted }, origin);
    return this.emit('dequantize', [codes], { scale, zero: shifted }, origin);
  }

  /** The integers of reals on the grid of `q`, in the dtype of `elem`. */
  codes(x: ValueId, elem: ElemName, q: Quantization, origin: string): ValueId {
    const [scale = 1, zero = 0] = [q.scales[0], q.zeros[0]];
    const { dtype, lo, hi } = elemOf(elem);
    if (dtype === 'i8' || dtype === 'u8') {
      const shift = dtype === 'u8' ? 128 : 0;
      const codes = this.emit('quantize', [x], { inverse_scale: Math.fround(1 / scale), zero: zero - shift }, origin);
      if (shift === 0) return codes;
      const wide = this.emit('cast', [codes], { dtype: 'i32' }, origin);
      const moved = this.param('shift', { dtype: 'i32', shape: [], data: Int32Array.of(shift) });
      return this.emit('cast', [this.emit('add', [wide, moved], {}, origin)], { dtype: 'u8' }, origin);
    }
    const whole = this.emit('round', [this.emit('div', [x, this.scalar(scale)], {}, origin)], {}, origin);
    const sum = zero === 0 ? whole : this.emit('add', [whole, this.scalar(zero)], {}, origin);
    const narrow = dtype === 'i32' && hi < 2 ** 31 - 1;
    return this.emit('cast', [narrow ? this.emit('clip', [sum], { min: lo, max: hi }, origin) : sum], { dtype }, origin);
  }
}

const checked = (name: string, host: HostTensor): Tensor => {
  const tensor = tensorOfHost(name, host);
  return tensor.ok ? tensor.value : stop(...tensor.diagnostics);
};

/** Stored integers; undefined where some are outside int32. */
const codesOf = (name: string, host: HostTensor): Tensor | undefined => {
  if (isFloat(host.elem) || elemOf(host.elem).kind !== 'int')
    return stop(tensorProblem('TFL1008', name, `it is ${host.elem}, but has a scale`));
  const tensor = tensorOfHost(name, host);
  return tensor.ok ? tensor.value : undefined;
};

/** Reals computed at import: each product in float64, rounded once. */
const realsOf = (host: HostTensor, q: Quantization, axis: number): Tensor => {
  const inner = elementCount(host.shape.slice(axis + 1));
  const data = new Float32Array(host.data.length);
  for (let i = 0; i < data.length; i++) {
    const k = q.scales.length === 1 ? 0 : Math.floor(i / inner) % q.scales.length;
    data[i] = ((host.data[i] ?? 0) - (q.zeros[k] ?? 0)) * (q.scales[k] ?? 1);
  }
  return { dtype: 'f32', shape: host.shape, data };
};
