import { OP_NAMES, type OpName } from '../../ir/index.ts';
import type { VectorCase } from '../case.ts';
import { zeroSizedShapes } from '../shapes.ts';
import { accumulators } from './accumulators.ts';
import { floats } from './floats.ts';
import { geometry } from './geometry.ts';
import { graphical } from './graphical.ts';
import { casesOfNamed, type Group, type NamedCase } from './named.ts';
import { norms } from './norms.ts';
import { randomness } from './random.ts';
import { lookups, scalars } from './scalars.ts';
import { sizes } from './sizes.ts';
import { ties } from './ties.ts';

export { type Group, GROUPS } from './named.ts';

/** The named cases of each group. J is about bytes, not about ops: hostile.ts. */
const NAMED: Readonly<Record<Exclude<Group, 'J'>, readonly NamedCase[]>> = {
  A: scalars,
  B: lookups,
  C: accumulators,
  D: geometry,
  E: sizes,
  F: ties,
  G: norms,
  H: randomness,
  I: floats,
  K: graphical,
};

/** Zero-sized uses of each op beyond those among its own shape classes. */
const ZERO_SIZED = 6;

const zeroSized = (op: OpName): VectorCase[] =>
  zeroSizedShapes(op, ZERO_SIZED).map((shape) => ({ id: `E/${shape.name}/uniform.1`, shape, data: 'uniform', seed: 1 }));

/** Ops that named cases wait for. */
export const missingOps = (): readonly string[] =>
  [...new Set(Object.values(NAMED).flatMap((cases) => cases.map((c) => c.op)))].filter((op) => !OP_NAMES.some((name) => name === op));

/** Candidates of a lettered group of NUMERICS §8, in the order of the vector file. */
export const candidatesOfGroup = (group: Exclude<Group, 'J'>): readonly VectorCase[] => [
  ...NAMED[group].flatMap((named) => casesOfNamed(group, named)),
  ...(group === 'E' ? OP_NAMES.flatMap(zeroSized) : []),
];
