import { elementCount, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { macsOf } from '../../../plan/index.ts';
import type { Context, Emit } from '../../simd/index.ts';
import type { CModule } from '../c-module.ts';
import { callKernel, finishFields, finishOf, weightsOf } from './kernel.ts';
import { denseScratch } from './sizes.ts';

/** Dense layers of bytes in C; the others as `otherwise` says. */
export const lowerDense =
  (module: CModule, otherwise: (ctx: Context, node: OpNode<'dense'>) => Emit) =>
  (ctx: Context, node: OpNode<'dense'>): Emit => {
    const [x, w] = node.operands;
    if (x === undefined || w === undefined || ctx.count(at(node.results, 0)) === 0) return () => undefined;
    const type = ctx.type(x);
    if (type.dtype !== 'i8' && type.dtype !== 'u8') return otherwise(ctx, node);
    const [outputs = 0, inner = 0] = ctx.type(w).shape;
    const rows = elementCount(type.shape.slice(0, -1));
    const finish = finishOf(ctx, node, outputs);
    const sizes = `.rows = ${rows}, .inner = ${inner}, .outputs = ${outputs}, .is_unsigned = ${type.dtype === 'u8' ? 1 : 0}`;
    return callKernel(ctx, {
      module,
      macs: macsOf(node, (v) => ctx.type(v)),
      kernel: 'cx_dense_',
      type: 'cx_dense',
      fields: `${sizes}, ${finishFields(finish)}`,
      x,
      weights: weightsOf(ctx, w),
      finish,
      scratchBytes: denseScratch(rows, inner),
    });
  };
