import {
  type Proof,
  proveModule,
  PROVEN_MODULES,
  type ProvenModule,
  proveRequant,
  REQUANT_SHIFTS,
} from '../../../src/backends/fpga/formal/index.ts';
import type { Result } from '../../../src/support/index.ts';

const modules = Object.keys(PROVEN_MODULES) as readonly ProvenModule[];
/** Everything that is proven about units of the core. */
export const PROOFS: readonly (readonly [unit: string, what: string, prove: () => Result<Proof>])[] = [
  ...modules.map((name) => [name, PROVEN_MODULES[name].what, () => proveModule(name)] as const),
  [
    'cx_requant',
    `the formula of NUMERICS 1.1 from its products on: all products, zero points and bounds, shifts ${REQUANT_SHIFTS[0]} to ${REQUANT_SHIFTS.length}`,
    () => proveRequant(),
  ],
];
