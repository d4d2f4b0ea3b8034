import {
  type AnyNode,
  DTYPE_INFO,
  elementCount,
  type Proof,
  rangeOfTensor,
  type StaticType,
  type Tensor,
  UnsupportedError,
  type ValueId,
} from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { FusedRescale } from '../../plan/index.ts';
import { Code, EXACT, num } from './code.ts';
import { fits, type Int, single, split, toPair, toSingle } from './integers.ts';
import type { Dims, Kernel } from './program.ts';

/** gpu.js binds an array argument to a storage buffer, of which WebGPU guarantees 8 in a stage; the result is one. */
export const MOST_READS = 7;

/** llvmpipe ends the loops of an element after 65,535 iterations without telling. */
const MOST_ITERATIONS = 60_000;

/** Elements of an array of integers. */
export interface Store {
  readonly array: number;
  readonly count: number;
  /** Pairs: first all lower parts, then all upper ones. */
  readonly wide: boolean;
  readonly min: number;
  readonly max: number;
}

export const refuse = (reason: string): never => {
  throw new UnsupportedError(reason);
};

/** A kernel while its text is written: its place in the result, and what it reads. */
export class KernelText {
  readonly code = new Code();
  private readonly reads: number[] = [];
  /** Coordinates in the result, without the part of a pair. */
  readonly place: readonly [x: string, y: string, z: string];
  readonly dims: Dims;

  constructor(dims: Dims, place: readonly [string, string, string]) {
    this.dims = dims;
    this.place = place;
  }
  get arrays(): readonly number[] {
    return this.reads;
  }
  private element(array: number, index: string): string {
    const known = this.reads.indexOf(array);
    const n = known >= 0 ? known : this.reads.push(array) - 1;
    return `a${n}[${index}]`;
  }
  /** A float of an array as an expression. */
  raw(array: number, index: string): string {
    return this.element(array, index);
  }
  /** An element of a store. */
  read(from: Store, index: string): Int {
    const { array, count, wide, min, max } = from;
    if (!wide) return single(this.code.let(this.element(array, index)), min, max);
    const lo = this.code.let(this.element(array, index));
    return { lo, hi: this.code.let(this.element(array, `${index} + ${num(count)}`)), min, max };
  }
  /** The number of the element in row-major order. */
  flat(): string {
    const [x, y, z] = this.place;
    const [nx, ny, nz] = this.dims;
    if (ny === 1 && nz === 1) return x;
    const row = nz === 1 ? y : `(${y} + ${z} * ${num(ny)})`;
    return nx === 1 ? this.code.let(row) : this.code.let(`${x} + ${row} * ${num(nx)}`);
  }
}

const sizeOf = ([x, y, z]: Dims): number => x * y * z;

/** What rules are given: types, places and a list of kernels. */
export class Context {
  private readonly types: readonly StaticType[];
  private readonly params: ReadonlyMap<ValueId, Tensor>;
  private readonly fused: ReadonlyMap<AnyNode, FusedRescale>;
  private readonly proof: Proof | undefined;
  private readonly stores = new Map<ValueId, Store>();
  private readonly roots = new Map<ValueId, ValueId>();
  private kernels: Kernel[] = [];
  /** Elements of each array. */
  readonly arrays: number[] = [];
  /** Contents of parameters, read when they are asked for: they may lie in files. */
  readonly contents = new Map<number, () => Float32Array<ArrayBuffer>>();

  constructor(
    types: readonly StaticType[],
    params: ReadonlyMap<ValueId, Tensor>,
    fused: ReadonlyMap<AnyNode, FusedRescale>,
    proof: Proof | undefined,
  ) {
    this.types = types;
    this.params = params;
    this.fused = fused;
    this.proof = proof;
  }

  type(value: ValueId): StaticType {
    return at(this.types, value);
  }
  count(value: ValueId): number {
    return elementCount(this.type(value).shape);
  }
  fusedInto(node: AnyNode): FusedRescale | undefined {
    return this.fused.get(node);
  }
  private rootOf(value: ValueId): ValueId {
    return this.roots.get(value) ?? value;
  }
  /** The elements of a parameter; undefined for what is computed. */
  param(value: ValueId): Tensor | undefined {
    return this.params.get(this.rootOf(value));
  }
  /** `value` has the elements of `of`, in the same array. */
  alias(value: ValueId, of: ValueId): void {
    this.roots.set(value, this.rootOf(of));
  }

  /** Bounds of a value's elements: proven, else those of its dtype. */
  private boundsOf(value: ValueId): { readonly min: number; readonly max: number } {
    const { lo, hi } = DTYPE_INFO[this.type(value).dtype];
    const tensor = this.params.get(value);
    const proven = this.proof?.ranges[value] ?? (tensor === undefined || tensor.dtype === 'f32' ? undefined : rangeOfTensor(tensor));
    return proven === undefined ? { min: lo, max: hi } : { min: Math.max(lo, proven.lo), max: Math.min(hi, proven.hi) };
  }

  /** Where a value lies. @throws {UnsupportedError} for more elements than float32 counts */
  use(value: ValueId): Store {
    const root = this.rootOf(value);
    const known = this.stores.get(root);
    if (known !== undefined) return known;
    const bounds = this.boundsOf(root);
    const tensor = this.params.get(root);
    const store =
      tensor === undefined
        ? this.place(this.count(root), bounds.min, bounds.max)
        : this.integers(this.count(root), bounds, () => tensor.data as ArrayLike<number>);
    this.stores.set(root, store);
    return store;
  }
  private array(length: number): number {
    if (length > EXACT) refuse(`${length} elements are more than ${EXACT}, up to which float32 has every index`);
    return this.arrays.push(length) - 1;
  }
  private place(count: number, min: number, max: number): Store {
    const wide = !fits(min, max);
    return { array: this.array(wide ? 2 * count : count), count, wide, min, max };
  }
  /** Memory of one step. */
  scratch(count: number, min: number, max: number): Store {
    return this.place(count, min, max);
  }
  /** Floats that the compiler made. */
  floats(length: number, content: () => Float32Array<ArrayBuffer>): number {
    const array = this.array(length);
    this.contents.set(array, content);
    return array;
  }
  /** Integers that the compiler made, within bounds. */
  integers(count: number, { min, max }: { readonly min: number; readonly max: number }, content: () => ArrayLike<number>): Store {
    const wide = !fits(min, max);
    const array = this.floats(wide ? 2 * count : count, () => toFloats(content(), wide));
    return { array, count, wide, min, max };
  }

  /** Runs a rule as a step; the kernels that it launched. */
  steps(rule: () => void): readonly Kernel[] {
    this.kernels = [];
    rule();
    return this.kernels;
  }

  /** Computes a value by a kernel. @param dims - extents whose product is the number of elements; the elements in a row when absent */
  map(value: ValueId, body: (kernel: KernelText) => Int, dims: Dims = [this.count(value), 1, 1]): void {
    this.mapTo(this.use(value), body, dims);
  }
  mapTo(to: Store, body: (kernel: KernelText) => Int, dims: Dims = [to.count, 1, 1]): void {
    if (sizeOf(dims) === 0) return;
    // the parts of a pair are two planes of the result, each computed by itself
    const place = ['x', 'y', to.wide ? 'zOfPart' : 'z'] as const;
    const kernel = new KernelText(dims, place);
    const { code } = kernel;
    const value = body(kernel);
    const { lo, hi } = to.wide ? toPair(code, value) : { lo: toSingle(code, value), hi: undefined };
    if (code.iterations > MOST_ITERATIONS)
      refuse(`an element takes ${code.iterations} iterations, but drivers end loops of more than ${MOST_ITERATIONS}, some without telling`);
    const reads = kernel.arrays;
    if (reads.length > MOST_READS) refuse(`a kernel reads ${reads.length} arrays, but WebGPU guarantees ${MOST_READS} beside the result`);
    const all: Dims = to.wide ? [dims[0], dims[1], dims[2] * 2] : dims;
    const text = `function (${reads.map((_, i) => `a${i}`).join(', ')}) {\n${startOf(all, to.wide)}${code.text()}${endOf(lo, hi)}}`;
    this.kernels.push({ text, dims: all, reads, writes: to.array });
  }
}

const startOf = ([, , nz]: Dims, wide: boolean): string => {
  const coordinates = `  const x = this.thread.x;\n  const y = this.thread.y;\n  const z = this.thread.z;\n`;
  if (!wide) return coordinates;
  return `${coordinates}  let part = 0;\n  if (z >= ${num(nz / 2)}) { part = 1; }\n  const zOfPart = z - part * ${num(nz / 2)};\n`;
};
const endOf = (lo: string, hi: string | undefined): string =>
  hi === undefined ? `  return ${lo};\n` : `  let result = ${lo};\n  if (part > 0) { result = ${hi}; }\n  return result;\n`;

/** Elements as kernels read them. */
export const toFloats = (data: ArrayLike<number>, wide: boolean): Float32Array<ArrayBuffer> => {
  if (!wide) return Float32Array.from(data);
  const floats = new Float32Array(2 * data.length);
  for (let i = 0; i < data.length; i++) {
    const { lo, hi } = split(data[i] ?? 0);
    floats[i] = lo;
    floats[data.length + i] = hi;
  }
  return floats;
};
