import type { PrimitiveName } from '../../../ir/index.ts';
import type { Role } from '../emit.ts';
import { arithmeticRoles } from './arithmetic.ts';
import { convRoles } from './conv.ts';
import { detectionRoles } from './detection.ts';
import { fixedRoles } from './fixed.ts';
import { formatsRoles } from './formats.ts';
import { indexingRoles } from './indexing.ts';
import { integerRoles } from './integer.ts';
import { logicRoles } from './logic.ts';
import { matmulRoles } from './matmul.ts';
import { normRoles } from './norm.ts';
import { normalizeRoles } from './normalize.ts';
import { poolRoles } from './pool.ts';
import { probabilityRoles } from './probability.ts';
import { quantizedRoles } from './quantized.ts';
import { randomRoles } from './random.ts';
import { reduceRoles } from './reduce.ts';
import { samplingRoles } from './sampling.ts';
import { scanRoles } from './scan.ts';
import { scatterRoles } from './scatter.ts';
import { shapeRoles } from './shape.ts';
import { sortingRoles } from './sorting.ts';
import { trigonometryRoles } from './trigonometry.ts';
import { unaryRoles } from './unary.ts';

/** What the quantizer does with each primitive, and with the normalizations that it keeps; other composites are expanded before. A family's rows stand in the file of its name. */
export const ROLES = {
  ...arithmeticRoles,
  ...convRoles,
  ...detectionRoles,
  ...fixedRoles,
  ...formatsRoles,
  ...indexingRoles,
  ...integerRoles,
  ...logicRoles,
  ...matmulRoles,
  ...normRoles,
  ...normalizeRoles,
  ...poolRoles,
  ...probabilityRoles,
  ...quantizedRoles,
  ...randomRoles,
  ...reduceRoles,
  ...samplingRoles,
  ...scanRoles,
  ...scatterRoles,
  ...shapeRoles,
  ...sortingRoles,
  ...trigonometryRoles,
  ...unaryRoles,
} as const satisfies Record<PrimitiveName, Role>;
