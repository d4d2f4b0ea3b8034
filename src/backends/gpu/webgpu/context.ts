import {
  type AnyNode,
  DTYPE_INFO,
  type DType,
  elementCount,
  type StaticType,
  type Tensor,
  tensorBytes,
  UnsupportedError,
  type ValueId,
} from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { Slot } from '../../cpu/simd/context.ts';
import type { FusedRescale } from '../../plan/index.ts';
import { LANES, MOST_ITERATIONS, uint } from './wgsl.ts';

/** A place in one of the buffers, known once memory is planned. */
export class Region {
  readonly slot: Slot;
  /** 0 is the arena. */
  buffer = 0;
  constructor(bytes: number) {
    this.slot = new Slot(bytes);
  }
  /** The word at an index, which is an expression of type u32. */
  word(index: string): string {
    return `m${this.buffer}[${uint(this.slot.address / 4)} + (${index})]`;
  }
  /** Four words at an index in units of four, of a parameter that a kernel lists among its `vectors`. */
  vector(index: string): string {
    return `v${this.buffer}[${uint(this.slot.address / 16)} + (${index})]`;
  }
  /** An element as i32. */
  load(dtype: DType, index: string): string {
    const lanes = LANES[dtype];
    if (lanes === 1) return `bitcast<i32>(${this.word(index)})`;
    const read = lanes === 2 ? 's16' : dtype === 'u8' || dtype === 'bool' ? 'u8' : 's8';
    return `${read}(${this.word(`(${index}) >> ${lanes === 2 ? 1 : 2}u`)}, ${index})`;
  }
}

/** A kernel whose text is made after the memory plan. */
export interface KernelPlan {
  readonly invocations: number;
  readonly reads: readonly Region[];
  readonly writes: Region;
  /** Parameters among `reads` that are also read by four words at once. */
  readonly vectors?: readonly Region[];
  /** Functions and the body of the entry point, in which `id` is the number of the invocation. */
  readonly functions: () => string;
  readonly body: () => string;
}

/** Where a region of the arena is in use: steps, both ends included. */
export interface Use {
  readonly region: Region;
  first: number;
  last: number;
}

/** Bytes of a parameter buffer, before they are read: parameters may lie in files. */
export interface Part {
  readonly region: Region;
  readonly content: () => Uint8Array;
}

/** What rules are given: types, places and a list of kernels. */
export class Context {
  private readonly types: readonly StaticType[];
  private readonly params: ReadonlyMap<ValueId, Tensor>;
  private readonly fused: ReadonlyMap<AnyNode, FusedRescale>;
  private readonly regions = new Map<ValueId, Region>();
  private readonly roots = new Map<ValueId, ValueId>();
  private step = -1;
  readonly parts: Part[] = [];
  readonly uses = new Map<Region, Use>();
  private kernels: KernelPlan[] = [];

  constructor(types: readonly StaticType[], params: ReadonlyMap<ValueId, Tensor>, fused: ReadonlyMap<AnyNode, FusedRescale>) {
    this.types = types;
    this.params = params;
    this.fused = fused;
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
  /** The elements of a parameter; undefined for what is computed. */
  param(value: ValueId): Tensor | undefined {
    return this.params.get(this.rootOf(value));
  }
  /** `value` has the bytes of `of`, in the same place. */
  alias(value: ValueId, of: ValueId): void {
    this.roots.set(value, this.rootOf(of));
  }
  private rootOf(value: ValueId): ValueId {
    return this.roots.get(value) ?? value;
  }

  /** Where a value lies; this step reads or writes it. */
  use(value: ValueId): Region {
    const root = this.rootOf(value);
    const tensor = this.params.get(root);
    const known = this.regions.get(root);
    const region =
      known ??
      (tensor === undefined
        ? this.region(root)
        : this.constant(DTYPE_INFO[tensor.dtype].bytes * elementCount(tensor.shape), () => tensorBytes(tensor)));
    this.regions.set(root, region);
    if (tensor === undefined) this.touch(region);
    return region;
  }
  private region(value: ValueId): Region {
    return new Region(this.count(value) * DTYPE_INFO[this.type(value).dtype].bytes);
  }
  private touch(region: Region): void {
    const known = this.uses.get(region);
    if (known === undefined) this.uses.set(region, { region, first: this.step, last: this.step });
    else known.last = this.step;
  }
  /** Bytes that the compiler made. */
  constant(bytes: number, content: () => Uint8Array): Region {
    const region = new Region(bytes);
    this.parts.push({ region, content });
    return region;
  }
  /** Memory of this step alone. */
  scratch(bytes: number): Region {
    const region = new Region(bytes);
    this.touch(region);
    return region;
  }

  /** Runs a rule as a step; the kernels that it launched. */
  steps(step: number, rule: () => void): readonly KernelPlan[] {
    this.step = step;
    this.kernels = [];
    rule();
    return this.kernels;
  }
  launch(kernel: KernelPlan): void {
    if (kernel.invocations > 0) this.kernels.push(kernel);
  }

  /**
   * Computes a value element by element; every invocation writes one word, so that no two write the same.
   * @param text - statements of a function of `i: u32`, the element's number, that return its value as i32
   */
  elements(value: ValueId, reads: readonly ValueId[], text: () => string, iterations = 0, more = ''): void {
    const region = this.use(value);
    this.elementsAt(
      region,
      this.type(value).dtype,
      this.count(value),
      reads.map((v) => this.use(v)),
      text,
      iterations,
      more,
    );
  }
  elementsAt(
    region: Region,
    dtype: DType,
    count: number,
    reads: readonly Region[],
    text: () => string,
    iterations = 0,
    more: string | (() => string) = '',
  ): void {
    const lanes = LANES[dtype];
    limitIterations((iterations + 1) * Math.min(lanes, Math.max(count, 1)), 'a word of elements');
    const functions = (): string => `${typeof more === 'string' ? more : more()}fn value(i: u32) -> i32 {\n${text()}\n}\n`;
    this.launch({ invocations: Math.ceil(count / lanes), reads, writes: region, functions, body: () => storeWord(region, lanes, count) });
  }
}

/** The end of an entry point that stores the elements of word `id`. */
const storeWord = (region: Region, lanes: 1 | 2 | 4, count: number): string => {
  const target = region.word('id');
  if (lanes === 1) return `  ${target} = bitcast<u32>(value(id));`;
  const [bits, mask] = lanes === 2 ? [16, '0xffffu'] : [8, '0xffu'];
  const put = `word |= (bitcast<u32>(value(i)) & ${mask}) << (lane * ${bits}u);`;
  // a loop, not a list: compilers put the function in once
  return `  var word = 0u;
  for (var lane = 0u; lane < ${lanes}u; lane++) {
    let i = id * ${lanes}u + lane;
    ${count % lanes === 0 ? put : `if (i < ${uint(count)}) { ${put} }`}
  }
  ${target} = word;`;
};

export const refuse = (reason: string): never => {
  throw new UnsupportedError(reason);
};

/** Drivers end an invocation that loops for too long, some of them without telling. */
export const limitIterations = (iterations: number, what: string): void => {
  if (iterations > MOST_ITERATIONS) refuse(`${what} takes ${iterations} iterations of one invocation, more than ${MOST_ITERATIONS}`);
};
