import { DTYPE_INFO, elementCount, type Tensor, type TensorData, type TensorType, type ValueId } from '../../ir/index.ts';
import { diagnostic } from '../../support/index.ts';
import { ProgramInTheMaking, WarningList } from '../making.ts';
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
export class Warnings extends WarningList {
  constructor() {
    super(warning);
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
    this.once('ONX3006', () => diagnostic('ONX3006', message, { severity: 'note', notes }));
  }
}

/** The type of the seed that random operators draw from. */
export const SEED_TYPE = { dtype: 'i32', shape: [2] } as const satisfies TensorType;

/** A program in the making, and the values of the program that ONNX values have become. */
export class Session extends ProgramInTheMaking {
  /** Float constants of up to this many elements are computed with at import. */
  readonly maxFoldInput = 65536;
  readonly budget: Budget;
  readonly warnings: Warnings;
  /** Transposed copies of known matrices. */
  readonly transposed = new Map<HostTensor, ValueId>();
  private readonly wires = new Map<KnownValue, ValueId>();
  /** Known values that become nodes over stored integers where the program uses them. */
  private readonly spellings = new Map<HostTensor, () => ValueId>();
  private seedPort: { readonly name: string; readonly value: ValueId } | undefined;
  private randomNodes = 0;

  constructor(name: string, budget: Budget, warnings: Warnings) {
    super(name);
    this.budget = budget;
    this.warnings = warnings;
  }

  override param(name: string, tensor: Tensor): ValueId {
    if (tensor.dtype === 'f32') {
      const i = indexOfNaN(tensor.data);
      if (i >= 0) stop(tensorProblem('ONX1010')(name, `element ${i} is NaN`));
    }
    return super.param(name, tensor);
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
