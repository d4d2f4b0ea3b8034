import { type AttrsIn, elementCount, type OpName, type ValueId } from '../ir/index.ts';
import { sha256 } from '../support/index.ts';
import { type ElemName, ELEMS, type HostTensor, permuted, programTensor } from './host-tensor.ts';
import { overLimit, stop, warning } from './import-problems.ts';
import { ProgramInTheMaking, WarningList } from './making.ts';
import { fillUniform } from './uniform.ts';

/**
 * How the dimensions of a value stand: as in the file, or, where files have N, spatial…, C, with the channels first. Only values
 * of rank 3 to 5 have the second form. Importers of formats with channels first use `file` alone.
 */
export type Layout = 'file' | 'first';

/** The values of the program that stand for a tensor; one is made from the other when it is asked for. */
export interface Wires {
  file: ValueId | undefined;
  first: ValueId | undefined;
}

/** A tensor whose type is known; its shape is that of the file. */
export interface KnownValue {
  readonly known: true;
  readonly name: string;
  readonly elem: ElemName;
  readonly shape: readonly number[];
  /** Elements known at import. */
  readonly host?: HostTensor | undefined;
  readonly wires: Wires;
}

/** A parameter of which only the name is known: the layer that reads it knows its shape. */
export interface OpenParameter {
  readonly known: 'open';
  readonly name: string;
}

/** The result of a layer that could not be imported, or of one that depends on it. */
export interface UnknownValue {
  readonly known: false;
  readonly name: string;
  /** The layer at the root of the trouble. */
  readonly cause: string;
}

export type Value = KnownValue | OpenParameter | UnknownValue;

/** What the row of a layer gives for one output: a value in the layout of the file, a value in a layout, a constant, or an input as it is. */
export type Made =
  | ValueId
  | { readonly value: ValueId; readonly layout: Layout; readonly elem?: ElemName }
  | { readonly host: HostTensor }
  | { readonly same: KnownValue };

/** N, spatial…, C to N, C, spatial…. */
export const toFirst = (rank: number): readonly number[] => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
/** N, C, spatial… to N, spatial…, C. */
export const toFile = (rank: number): readonly number[] => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];

/** What a parameter without data is filled with by --random-params: weights by their fan-in, so that values keep their size. */
export type Role = 'weight' | 'scale' | 'shift' | 'mean' | 'variance';

/** What becomes of parameters without data: refused, random values, or zeros where only shapes matter. */
export type Filling = 'none' | 'random' | 'zeros';

/** Elements computed or laid down anew at import: a fixed part, and what the size of the files justifies. */
const FREE_ELEMENTS = 2 ** 22;
const PER_BYTE = 6;
/** Results of ops: recurrent layers are unrolled, layers may be shared. */
const MAX_RESULTS = 250_000;
/** Elements of generated parameters; ResNeXt-101 and VGG-19 have fewer. */
const MAX_GENERATED = 2 ** 29;

const rangeOf = (role: Role, fanIn: number): readonly [lo: number, hi: number] => {
  switch (role) {
    case 'weight': {
      // keeps the variance of activations through a layer with relu (He et al. 2015)
      const bound = Math.sqrt(6 / Math.max(1, fanIn));
      return [-bound, bound];
    }
    case 'scale':
    case 'variance':
      return [0.5, 1.5];
    case 'shift':
    case 'mean':
      return [-0.1, 0.1];
    default:
      return role satisfies never;
  }
};

/** Uniform numbers from lo to hi, of a stream that the name chooses. */
const uniform = (name: string, count: number, lo: number, hi: number): Float32Array => {
  const digest = new DataView(sha256(name).buffer);
  const data = new Float32Array(count);
  fillUniform(data, [digest.getUint32(0), digest.getUint32(4)], lo, hi);
  return data;
};

/** Constants made elsewhere, as the values of one program; one of equal placement is made once. */
export class ImportSession extends ProgramInTheMaking {
  /** Constants of up to this many elements are computed with at import. */
  readonly maxFold = 65_536;
  readonly warnings = new WarningList(warning);
  private readonly filling: Filling;
  private elements: number;
  private results = MAX_RESULTS;
  private generated = 0;
  private readonly constants = new Map<HostTensor, Map<string, ValueId>>();
  /** Generated parameters: what layers share under one name is one. */
  private readonly madeUp = new Map<string, HostTensor>();

  /** @param fileBytes - size of all files of the model: bounds what may be made of them */
  constructor(name: string, fileBytes: number, filling: Filling) {
    super(name);
    this.filling = filling;
    this.elements = FREE_ELEMENTS + PER_BYTE * fileBytes;
  }

  /** True when `count` more elements may be made at import; they then count. */
  take(count: number): boolean {
    if (!(count <= this.elements)) return false;
    this.elements -= count;
    return true;
  }

  override emitAll<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin: string): readonly ValueId[] {
    const results = super.emitAll(op, operands, attrs, origin);
    this.results -= results.length;
    if (this.results < 0) stop(overLimit(`the program would have more than ${MAX_RESULTS} values after layers are unrolled`, origin));
    return results;
  }

  /** A constant as a value of the program: its elements in another shape, then dimension k of the result being dimension perm[k]. */
  constant(name: string, host: HostTensor, shape: readonly number[] = host.shape, perm?: readonly number[]): ValueId {
    const key = JSON.stringify([shape, perm]);
    const known = this.constants.get(host) ?? new Map<string, ValueId>();
    this.constants.set(host, known);
    const have = known.get(key);
    if (have !== undefined) return have;
    if (perm !== undefined && !this.take(host.data.length))
      stop(overLimit('the constants of the model have more elements than the size of the file justifies', name));
    const placed = perm === undefined ? { ...host, shape } : permuted({ ...host, shape }, perm);
    const made = this.param(name, programTensor(name, placed));
    known.set(key, made);
    return made;
  }

  /** A value in a layout. */
  wire(value: KnownValue, layout: Layout = 'file'): ValueId {
    const { wires, shape, host, name } = value;
    const have = wires[layout];
    if (have !== undefined) return have;
    const rank = shape.length;
    const made =
      host !== undefined
        ? this.constant(name, host, shape, layout === 'first' ? toFirst(rank) : undefined)
        : layout === 'first'
          ? this.emit('transpose', [this.wire(value)], { perm: toFirst(rank) }, name)
          : this.emit('transpose', [this.wire(value, 'first')], { perm: toFile(rank) }, name);
    wires[layout] = made;
    return made;
  }

  /** Parameters without data are made up, not refused. */
  get fills(): boolean {
    return this.filling !== 'none';
  }

  private uniform(name: string, count: number, role: Role, fanIn: number): Float32Array {
    this.warnings.add('IMP3003', 'parameters without data were given random values: results mean nothing');
    return uniform(name, count, ...rangeOf(role, fanIn));
  }

  /** Elements for a parameter without data; random ones are the same for the same name and shape, on every machine. */
  generate(name: string, shape: readonly number[], role: Role, fanIn = elementCount(shape.slice(1))): HostTensor {
    const key = JSON.stringify([name, shape, role]);
    const have = this.madeUp.get(key);
    if (have !== undefined) return have;
    const count = elementCount(shape);
    this.generated += count;
    if (this.generated > MAX_GENERATED) stop(overLimit(`the model has more than ${MAX_GENERATED} parameters without data`, name));
    // they may be laid down anew once, like those of a file
    this.elements += count;
    const made: HostTensor = {
      elem: 'float32',
      shape,
      data: this.filling === 'zeros' ? new Float32Array(count) : this.uniform(name, count, role, fanIn),
    };
    this.madeUp.set(key, made);
    return made;
  }

  /** Tells once per type that the program keeps it as another. */
  narrowed(elem: ElemName, where: string): void {
    const { dtype } = ELEMS[elem];
    const kept = dtype === 'f32' ? 'float32' : dtype === 'i32' ? 'int32' : undefined;
    if (kept !== undefined && kept !== elem && elem !== 'uint16')
      this.warnings.add('IMP3001', `${elem} values are ${kept} in the program`, where);
  }
}
