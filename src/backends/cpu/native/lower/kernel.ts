import type { OpNode, ValueId } from '../../../../ir/index.ts';
import { at, invariant } from '../../../../support/index.ts';
import { type Context, type Emit, Ex, type Slot } from '../../simd/index.ts';
import { MACS_PER_ELEMENT } from '../../simd/context.ts';
import { type Finish, planFinish } from '../../simd/lower/accumulate.ts';
import type { CModule } from '../c-module.ts';

/** Rescales to bytes by int32 alone add the zero point with 16 bits: it has to be within these. */
const NARROW_ZERO = 16384;

/** The end of a layer: sums as they are, or rescaled by the node that is fused into it. */
export const finishOf = (ctx: Context, node: OpNode<'conv'> | OpNode<'dense'>, outputs: number): Finish =>
  planFinish(ctx, at(node.results, 0), ctx.fusedInto(node), node.operands[2], 1, outputs);

/** Fields form, zero, lo and hi of a layer's descriptor. */
export const finishFields = ({ epilogue, zero, lo, hi }: Finish): string => {
  const form = { i32: 'I32', narrow: Math.abs(zero) <= NARROW_ZERO ? 'NARROW' : 'WIDE', wide: 'WIDE', wide16: 'WIDE16' }[epilogue];
  return `.form = CX_FORM_${form}, .zero = ${zero}, .lo = ${lo}, .hi = ${hi}`;
};

/** The bytes of weights as C: where the parameter lies, or in linear memory when the program computes them. */
export const weightsOf = (ctx: Context, w: ValueId): (() => string) => {
  const number = ctx.externalParam(w);
  if (number !== undefined) return () => `(const int8_t *)e->params[${number}]`;
  const slot = ctx.use(w);
  return () => `(const int8_t *)(m + ${slot.address}u)`;
};

/** What a call of a kernel works on. */
export interface KernelCall {
  readonly module: CModule;
  /** Name of the kernel's function up to the level: `cx_conv_`. */
  readonly kernel: string;
  /** Type and fields of its descriptor. */
  readonly type: 'cx_conv' | 'cx_dense';
  readonly fields: string;
  /** Multiply-accumulates of the layer. */
  readonly macs: number;
  readonly x: ValueId;
  readonly weights: () => string;
  readonly finish: Finish;
  /** Bytes of scratch of one thread. */
  readonly scratchBytes: number;
  /** Further arguments as C. */
  readonly extra?: () => readonly string[];
}

/** A step that calls a kernel, whose threads divide the work themselves. */
export const callKernel = (ctx: Context, call: KernelCall): Emit => {
  const { module, finish } = call;
  const [x, y] = [ctx.use(call.x), ctx.use(finish.result)];
  const scratch = ctx.temporary(call.scratchBytes, { each: true });
  const each = scratch.bytes / ctx.threads;
  invariant(each % 64 === 0 || ctx.threads === 1, 'threads have whole cache lines of scratch');
  const divided = ctx.divide(call.macs / MACS_PER_ELEMENT);
  module.include('cx_conv.h');
  return (f) => {
    const place = (slot: Slot): string => `m + ${slot.address}u`;
    const print = ([thread = '0', threads = '1']: readonly string[]): string => {
      const own = divided ? `${place(scratch)} + (size_t)${thread} * ${each}u` : place(scratch);
      const table = `(const int32_t *)(const void *)(${place(finish.table)})`;
      const layer = `{${place(x)}, ${call.weights()}, ${table}, ${place(y)}, ${own}, ${thread}, ${threads}}`;
      const args = ['&sizes', '&layer', ...(call.extra?.() ?? [])].join(', ');
      return `{ static const ${call.type} sizes = {${call.fields}}; const cx_layer layer = ${layer}; CX_OF_LEVEL(${call.kernel})(${args}); }`;
    };
    f.do(new Ex(module.raw(divided ? [module.get(0, 'i32'), module.get(1, 'i32')] : [], print)));
  };
};
