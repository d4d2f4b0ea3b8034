import type { OpName, Rule } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';
import type { AnyRule } from '../rows.ts';
import { arithmeticRows } from './arithmetic.ts';
import { convRows } from './conv.ts';
import { detectionRows } from './detection.ts';
import { fixedRows } from './fixed.ts';
import { formatsRows } from './formats.ts';
import { indexingRows } from './indexing.ts';
import { integerRows } from './integer.ts';
import { logicRows } from './logic.ts';
import { matmulRows } from './matmul.ts';
import { normRows } from './norm.ts';
import { poolRows } from './pool.ts';
import { probabilityRows } from './probability.ts';
import { quantizedRows } from './quantized.ts';
import { randomRows } from './random.ts';
import { reduceRows } from './reduce.ts';
import { samplingRows } from './sampling.ts';
import { scanRows } from './scan.ts';
import { scatterRows } from './scatter.ts';
import { shapeRows } from './shape.ts';
import { sortingRows } from './sorting.ts';
import { trigonometryRows } from './trigonometry.ts';
import { unaryRows } from './unary.ts';

const TABLE = {
  ...arithmeticRows,
  ...convRows,
  ...detectionRows,
  ...fixedRows,
  ...formatsRows,
  ...indexingRows,
  ...integerRows,
  ...logicRows,
  ...matmulRows,
  ...normRows,
  ...poolRows,
  ...probabilityRows,
  ...quantizedRows,
  ...randomRows,
  ...reduceRows,
  ...samplingRows,
  ...scanRows,
  ...scatterRows,
  ...shapeRows,
  ...sortingRows,
  ...trigonometryRows,
  ...unaryRows,
};

/** Every row of the CPU targets: total over primitives, as each family file checks. */
export const SIMD_ROWS: ReadonlyMap<OpName, AnyRule> = new Map(
  (Object.entries(TABLE) as [OpName, Rule<Context, Emit, never>][]).map(([op, rule]) => [op, rule as unknown as AnyRule]),
);
