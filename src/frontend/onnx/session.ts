import {
  type AttrsIn,
  DTYPE_INFO,
  elementCount,
  type OpName,
  ProgramBuilder,
  type Tensor,
  type TensorData,
  type TensorType,
  type ValueId,
} from '../../ir/index.ts';
import { at, type Code, type Diagnostic, diagnostic } from '../../support/index.ts';
import { overLimit, stop, tensorProblem, typeUnsupported, warning } from './diagnostics.ts';
import { type ElemName, elemOf, type HostTensor, isFloat } from './elem.ts';
import { tensorOfHost } from './tensor.ts';
import type { KnownValue } from './values.ts';

/** Elements of constants that may be computed at import: a fixed part, and what the size of the file justifies. */
const FREE_ELEMENTS = 2 ** 22;
/** Nodes after inlining of functions. */
const MAX_NODES = 100_000;

/** Bounds on work and memory, shared by a whole import. */
export class Budget {
  private elements: number;
  private nodes = MAX_NODES;
  constructor(fileBytes: number) {
    this.elements = FREE_ELEMENTS + fileBytes;
  }
  /** True when `count` more elements may be made at import; they then count. */
  take(count: number): boolean {
    if (count > this.elements) return false;
    this.elements -= count;
    return true;
  }
  takeNode(where: string): void {
    if (--this.nodes < 0) stop(overLimit(`the model has more than ${MAX_NODES} nodes after its functions are inlined`, where));
  }
}

/** Warnings of an import, each text once. */
export class Warnings {
  private readonly list = new Map<string, Diagnostic>();
  add(code: Code, message: string, where?: string): void {
    const key = `${code} ${message}`;
    if (!this.list.has(key)) this.list.set(key, warning(code, message, where));
  }
  /** Tells once per element type that the program keeps it as another; `where` is where that was first seen. */
  narrowed(elem: ElemName, where: string): void {
    const { narrowed } = elemOf(elem);
    if (narrowed !== undefined) this.add(isFloat(elem) ? 'ONX3001' : 'ONX3002', `${elem} values are ${narrowed} in the program`, where);
  }
  /** Tells that the program has an input that the model has not. */
  seeded(name: string): void {
    const notes = ['The same seed gives the same draws on every backend; the caller, or the chain, chooses it.'];
    const message = `random operators draw from a model input that is added: ${name}: i32[2], the seed`;
    this.list.set('ONX3006', diagnostic('ONX3006', message, { severity: 'note', notes }));
  }
  all(): readonly Diagnostic[] {
    return [...this.list.values()];
  }
}

/** The type of the seed that random operators draw from. */
export const SEED_TYPE = { dtype: 'i32', shape: [2] } as const satisfies TensorType;

/** A program in the making, and the values of the program that ONNX values have become. */
export class Session {
  readonly builder: ProgramBuilder;
  /** Float constants of up to this many elements are computed with at import. */
  readonly maxFoldInput = 65536;
  readonly budget: Budget;
  readonly warnings: Warnings;
  /** Transposed copies of known matrices. */
  readonly transposed = new Map<HostTensor, ValueId>();
  private readonly wires = new Map<KnownValue, ValueId>();
  /** Known values that become nodes over stored integers where the program uses them. */
  private readonly spellings = new Map<HostTensor, () => ValueId>();
  private readonly scalars = new Map<string, ValueId>();
  /** Names in use, with the number that was last put behind each. */
  private readonly names = new Map<string, number>();
  private seedPort: { readonly name: string; readonly value: ValueId } | undefined;
  private randomNodes = 0;
  /** Ops emitted since the last `takeEmitted`. */
  private emitted: string[] = [];

  constructor(name: string, budget: Budget, warnings: Warnings) {
    this.builder = new ProgramBuilder(name);
    this.budget = budget;
    this.warnings = warnings;
  }

  /** An unused name: the wished one, or with `_2`, `_3`, … behind it. */
  uniqueName(wish: string): string {
    const base = wish === '' ? 'unnamed' : wish;
    let uses = this.names.get(base) ?? 0;
    let name = uses === 0 ? base : `${base}_${++uses}`;
    while (uses > 0 && this.names.has(name)) name = `${base}_${++uses}`;
    this.names.set(base, Math.max(uses, 1));
    if (name !== base) this.names.set(name, 1);
    return name;
  }

  input(name: string, type: TensorType): ValueId {
    return this.builder.input(this.uniqueName(name), type);
  }

  param(name: string, tensor: Tensor): ValueId {
    if (tensor.dtype === 'f32') {
      const i = indexOfNaN(tensor.data);
      if (i >= 0) stop(tensorProblem('ONX1010')(name, `element ${i} is NaN`));
    }
    return this.builder.param(this.uniqueName(name), tensor);
  }

  /** A float32 constant without dimensions; equal ones are shared. */
  scalar(value: number): ValueId {
    const rounded = Math.fround(value);
    const key = Object.is(rounded, -0) ? '-0' : String(rounded);
    const have = this.scalars.get(key);
    if (have !== undefined) return have;
    const made = this.param('scalar', { dtype: 'f32', shape: [], data: Float32Array.of(rounded) });
    this.scalars.set(key, made);
    return made;
  }

  /** The value of the program; a constant becomes a parameter when it is first used. */
  wire(value: KnownValue): ValueId {
    const have = value.wire ?? this.wires.get(value);
    if (have !== undefined) return have;
    if (value.sequence !== undefined) return stop(typeUnsupported('it is a sequence, but a tensor is needed', value.name));
    if (value.host === undefined) throw new RangeError(`${value.name} has neither data nor a wire`);
    const spelled = this.spellings.get(value.host)?.();
    if (spelled !== undefined) {
      this.wires.set(value, spelled);
      return spelled;
    }
    const tensor = tensorOfHost(value.name, value.host);
    const made = tensor.ok ? this.param(value.name, tensor.value) : stop(...tensor.diagnostics);
    this.wires.set(value, made);
    return made;
  }

  /** Says how the program spells a known value: its quantized weights stay integers with a scale. */
  spell(host: HostTensor, spelling: () => ValueId): void {
    this.spellings.set(host, spelling);
  }
  /** Whether a known value is made of stored integers. */
  isSpelled(value: KnownValue | undefined): boolean {
    return value?.host !== undefined && this.spellings.has(value.host);
  }

  /** The seed that all random nodes share: an input of the program, added when it is first asked for. */
  seed(): ValueId {
    if (this.seedPort === undefined) {
      const name = this.uniqueName('seed');
      this.seedPort = { name, value: this.builder.input(name, SEED_TYPE) };
      this.warnings.seeded(name);
    }
    return this.seedPort.value;
  }
  /** The name of the added seed input, where there is one. */
  get seedName(): string | undefined {
    return this.seedPort?.name;
  }
  /** The ordinal of the next random node: which numbers of the seed it draws. */
  nextRandom(): number {
    return this.randomNodes++;
  }

  /** Makes `value` stand for a value of this program. */
  bind(value: KnownValue, wire: ValueId): void {
    this.wires.set(value, wire);
  }

  emitAll<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin: string): readonly ValueId[] {
    const results = this.builder.emitAll(op, operands, attrs, origin);
    this.emitted.push(op);
    return results;
  }

  emit<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin: string): ValueId {
    return at(this.emitAll(op, operands, attrs, origin), 0);
  }

  takeEmitted(): readonly string[] {
    const out = this.emitted;
    this.emitted = [];
    return out;
  }
}

/** A plain loop: a callback for each of 10^8 weights would take a second. */
const indexOfNaN = (data: TensorData): number => {
  for (let i = 0; i < data.length; i++) if (data[i] !== data[i]) return i;
  return -1;
};

/** An int32 tensor 0, 1, 2, … starting at `first`. */
export const iota = (shape: readonly number[], first = 0): Tensor => {
  const data = DTYPE_INFO.i32.make(elementCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = first + i;
  return { dtype: 'i32', shape, data };
};

/** The ONNX element type of a program value that nothing else decides. */
export const elemOfType = (type: TensorType, like: ElemName | undefined): ElemName => {
  switch (type.dtype) {
    case 'f32':
      return like === 'float16' || like === 'bfloat16' || like === 'double' ? like : 'float';
    case 'i32':
      return like === 'int64' || like === 'uint32' || like === 'uint64' || like === 'uint16' ? like : 'int32';
    case 'i16':
      return 'int16';
    case 'i8':
    case 'i6':
      return 'int8';
    case 'u8':
      return 'uint8';
    case 'bool':
      return 'bool';
    default:
      return type.dtype satisfies never;
  }
};
