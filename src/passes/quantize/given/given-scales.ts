import {
  type AnyNode,
  type Attrs,
  DTYPE_INFO,
  type OpName,
  type Program,
  producers,
  type Tensor,
  useCounts,
  type ValueId,
} from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import { rewrite, Rewriter, untilStable } from '../../rewrite.ts';
import { dce } from '../../transform/dce.ts';
import type { Affine } from '../affine.ts';
import { rowScales, Source } from './source.ts';

/** Integers that the model itself stores for weights or a bias, as codes * scales[row]. */
export interface GivenIntegers {
  readonly codes: Tensor;
  /** One per index of axis 0. */
  readonly scales: readonly number[];
}

/** A float program, and the quantization that the model brings along for some of its values. */
export interface GivenScales {
  /** The pairs of quantize and dequantize are clips to their range, stored integers are float parameters. */
  readonly program: Program;
  /** The quantization of run-time values. */
  readonly activations: ReadonlyMap<ValueId, Affine>;
  /** The stored integers of parameters. */
  readonly integers: ReadonlyMap<ValueId, GivenIntegers>;
}

/** Ops that a quantization passes: the quantized greatest of some is the greatest of the quantized. */
const TRANSPARENT: ReadonlySet<OpName> = new Set(['max_pool', 'reshape', 'transpose', 'slice', 'concat']);

/** Ops whose integer form keeps the quantization of operand 0. */
const KEEPING: ReadonlySet<OpName> = new Set([
  'max_pool',
  'average_pool',
  'reshape',
  'transpose',
  'slice',
  'pad',
  'expand',
  'gather',
  'split',
  'reduce_max',
  'reduce_min',
]);

type Code = Pick<Affine, 'scale' | 'zero'>;

const sameCode = (a: Code | undefined, b: Code): boolean => a?.scale === b.scale && a.zero === b.zero;

/** The code of a dequantize that undoes the quantize before it. */
const pairCode = (node: AnyNode, from: AnyNode | undefined): Code | undefined => {
  if (node.op !== 'dequantize' || from?.op !== 'quantize') return undefined;
  const { scale, zero } = node.attrs as Attrs<'dequantize'>;
  const quantize = from.attrs as Attrs<'quantize'>;
  return quantize.zero === zero && quantize.inverse_scale === Math.fround(1 / scale) ? { scale, zero } : undefined;
};

/** The scale that a quantize is for: where a dequantize of its integers says it, that one. */
const scalesOf = (program: Program): ReadonlyMap<ValueId, Code> => {
  const nodes = program.nodes as readonly AnyNode[];
  const from = producers(program) as ReadonlyMap<ValueId, AnyNode>;
  const codes = new Map<ValueId, Code>();
  for (const node of nodes) {
    const q = node.operands[0];
    const code = q === undefined ? undefined : pairCode(node, from.get(q));
    if (q !== undefined && code !== undefined) codes.set(q, code);
  }
  for (const node of nodes) {
    const [q] = node.results;
    if (node.op !== 'quantize' || q === undefined || codes.has(q)) continue;
    const { inverse_scale, zero } = node.attrs as Attrs<'quantize'>;
    codes.set(q, { scale: Math.fround(1 / inverse_scale), zero });
  }
  return codes;
};

/**
 * Quantizes before max_pool, concat and movement what is quantized after them: the layer there can give the wanted integers,
 * and these ops keep them.
 */
const hoistQuantization = (program: Program): Program =>
  untilStable(program, (p) => {
    const uses = useCounts(p);
    const codes = scalesOf(p);
    const next = rewrite(p, (node, operands, rw) => {
      const [x] = operands;
      const code = codes.get(node.results[0] ?? at(node.operands, 0));
      if (node.op !== 'quantize' || x === undefined || code === undefined || uses[at(node.operands, 0)] !== 1) return undefined;
      const mover = rw.producerOf(x);
      if (mover === undefined || !TRANSPARENT.has(mover.op)) return undefined;
      const isPair = (v: ValueId): boolean => {
        const from = rw.producerOf(v);
        return from?.op === 'dequantize' && sameCode(from.attrs as Attrs<'dequantize'>, code);
      };
      if (mover.operands.every(isPair)) return undefined;
      const parts = mover.operands.map((v) =>
        isPair(v) ? v : rw.emit('dequantize', [rw.emit('quantize', [v], node.attrs as Attrs<'quantize'>, node.origin)], code, node.origin),
      );
      const moved = rw.tryEmit(mover.op, parts, mover.attrs, mover.origin);
      return moved === undefined ? undefined : [rw.emit('quantize', [moved], node.attrs as Attrs<'quantize'>, node.origin)];
    });
    return next === p ? p : dce(next);
  });

/** Integers that something else reads than the dequantize that undoes their making. */
const readAsIntegers = (program: Program): ReadonlySet<ValueId> => {
  const from = producers(program) as ReadonlyMap<ValueId, AnyNode>;
  const read = new Set<ValueId>(program.outputs.map((o) => o.value));
  for (const node of program.nodes as readonly AnyNode[])
    for (const v of node.operands) if (pairCode(node, from.get(v)) === undefined) read.add(v);
  return read;
};

/** Rewrites a program that has quantization of its own into the float program, and notes that quantization. */
class Stripping {
  readonly activations = new Map<ValueId, Affine>();
  readonly integers = new Map<ValueId, GivenIntegers>();
  private readonly program: Program;
  private readonly source: Source;
  private readonly rw: Rewriter;
  private readonly codes: ReadonlyMap<ValueId, Code>;
  private readonly asIntegers: ReadonlySet<ValueId>;
  private readonly params: ReadonlyMap<ValueId, string>;
  private readonly inputs: ReadonlySet<ValueId>;
  private readonly made = new Map<ValueId, ValueId>();
  private readonly names = new Set<string>();
  /** What stands for the reals behind the integers of a quantize. */
  private readonly clips = new Map<ValueId, ValueId>();

  constructor(program: Program) {
    this.program = program;
    this.source = new Source(program);
    this.rw = new Rewriter(program);
    this.codes = scalesOf(program);
    this.asIntegers = readAsIntegers(program);
    this.inputs = new Set(program.inputs.map((p) => p.value));
    this.params = new Map(program.params.map((p) => [p.value, p.name]));
  }

  run(): Program {
    for (const { name, value } of this.program.inputs) {
      this.rw.input(name, value);
      this.made.set(value, this.rw.mapped(value));
    }
    const nodes = (this.program.nodes as readonly AnyNode[]).filter((n) => !n.results.every((r) => this.isStored(r)));
    const used = [...nodes.flatMap((n) => n.operands), ...this.program.outputs.map((o) => o.value)];
    // before all else, so that no constant made here takes the name of one
    for (const v of used) if (this.params.has(v)) this.value(v);
    for (const v of used) if (this.isStored(v)) this.value(v);
    for (const node of nodes) this.node(node);
    for (const port of this.program.outputs) this.rw.bind(port.value, this.value(port.value));
    return this.rw.finish();
  }

  /** Reals that are stored as integers. */
  private isStored(value: ValueId): boolean {
    return this.source.quantizedConstant(value) !== undefined;
  }

  /** A value of the source in the new program. */
  private value(from: ValueId): ValueId {
    const known = this.made.get(from);
    if (known !== undefined) return known;
    const stored = this.source.quantizedConstant(from);
    const tensor = this.source.constantOf(from);
    invariant(tensor !== undefined, `value ${from} is used before it is defined`);
    const value = this.param(stored === undefined ? this.params.get(from) : this.source.storedName(from), from, tensor);
    const scales = stored === undefined ? undefined : rowScales(stored);
    if (stored !== undefined && scales !== undefined) this.integers.set(value, { codes: stored.codes, scales });
    this.made.set(from, value);
    return value;
  }

  private param(name: string | undefined, from: ValueId, tensor: Tensor): ValueId {
    if (name === undefined || this.names.has(name)) return this.rw.constant(tensor);
    this.names.add(name);
    this.rw.param(name, from, tensor);
    return this.rw.mapped(from);
  }

  private node(node: AnyNode): void {
    const [x] = node.operands;
    const [result] = node.results;
    if (x === undefined || result === undefined) this.copy(node);
    else if (node.op === 'quantize') this.quantize(node, x, result);
    else if (node.op === 'dequantize') this.dequantize(node, x, result);
    else this.copy(node);
  }

  private copy(node: AnyNode): void {
    const operands = node.operands.map((v) => this.value(v));
    const results = this.rw.copy(node, operands);
    node.results.forEach((r, i) => this.made.set(r, at(results, i)));
    const [first, ...others] = node.op === 'concat' ? operands.map((v) => this.codeOf(v)) : [];
    // parts of one quantization make a whole of it
    if (first !== undefined && others.every((c) => sameCode(c, first))) this.mark(at(results, 0), first);
  }

  private mark(value: ValueId, { scale, zero }: Code): void {
    this.activations.set(value, { scale: Math.fround(scale), zero, dtype: 'i8' });
  }

  /** The reals that a quantize reads, clipped to its range; and the integers, where something reads them. */
  private quantize(node: AnyNode, x: ValueId, result: ValueId): void {
    const reals = this.value(x);
    const { scale, zero } = this.codes.get(result) ?? { scale: 1, zero: 0 };
    const { lo, hi } = DTYPE_INFO.i8;
    const bound = (q: number): number => Math.fround((q - zero) * scale);
    // an input that nothing else reads comes in these integers
    if (this.inputs.has(x) && this.source.usedOnce(x)) this.mark(reals, { scale, zero });
    const kept = sameCode(this.codeOf(reals), { scale: Math.fround(scale), zero });
    const clip = kept ? reals : this.rw.emit('clip', [reals], { min: bound(lo), max: bound(hi) }, node.origin);
    if (!kept) this.mark(clip, { scale, zero });
    this.clips.set(result, clip);
    if (this.asIntegers.has(result)) this.made.set(result, this.rw.emit('quantize', [clip], node.attrs as Attrs<'quantize'>, node.origin));
  }

  /** The reals again; or those of integers that the model is given or computes. */
  private dequantize(node: AnyNode, x: ValueId, result: ValueId): void {
    const clip = pairCode(node, this.source.producerOf(x)) === undefined ? undefined : this.clips.get(x);
    if (clip !== undefined) {
      this.made.set(result, clip);
      return;
    }
    this.copy(node);
    const { dtype } = this.source.typeOf(x);
    const { scale, zero } = node.attrs as Attrs<'dequantize'>;
    const own = dtype === 'i8' ? zero : dtype === 'u8' ? zero - 128 : undefined;
    if (own !== undefined && own >= -128 && own <= 127 && scale > 0) this.mark(this.value(result), { scale, zero: own });
  }

  /** The quantization that a value has in integers: its own, or that of the operand which its op keeps. */
  private codeOf(value: ValueId): Code | undefined {
    let v: ValueId | undefined = value;
    while (v !== undefined) {
      const own = this.activations.get(v);
      const from: AnyNode | undefined = own === undefined ? this.rw.producerOf(v) : undefined;
      if (from === undefined || !KEEPING.has(from.op)) return own;
      [v] = from.operands;
    }
    return undefined;
  }
}

/**
 * Reads the quantization out of a prepared float program (`liftQuantization` gives it its spelling): the float program
 * without it, and which values have which scale, zero point and integers.
 */
export const givenScales = (program: Program): GivenScales => {
  if (!program.nodes.some((n) => n.op === 'quantize' || n.op === 'dequantize'))
    return { program, activations: new Map(), integers: new Map() };
  const stripping = new Stripping(hoistQuantization(program));
  const stripped = stripping.run();
  return { program: stripped, activations: stripping.activations, integers: stripping.integers };
};
