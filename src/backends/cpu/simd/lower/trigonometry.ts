import type { FAMILIES, LoweringTable } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';
import { TRIGONOMETRY } from '../kernels/trigonometry.ts';
import { strict } from './unary.ts';

export const trigonometryRows = {
  sin: strict(TRIGONOMETRY.sin),
  cos: strict(TRIGONOMETRY.cos),
  tan: strict(TRIGONOMETRY.tan),
  asin: strict(TRIGONOMETRY.asin),
  acos: strict(TRIGONOMETRY.acos),
  atan: strict(TRIGONOMETRY.atan),
  sinh: strict(TRIGONOMETRY.sinh),
  cosh: strict(TRIGONOMETRY.cosh),
  asinh: strict(TRIGONOMETRY.asinh),
  acosh: strict(TRIGONOMETRY.acosh),
  atanh: strict(TRIGONOMETRY.atanh),
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['trigonometry']>;
