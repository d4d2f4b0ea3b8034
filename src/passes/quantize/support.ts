import { type OpName, opOf, type PrimitiveName, refusalReason } from '../../ir/index.ts';
import type { Role } from './emit.ts';
import { isNorm } from './lower/normalize.ts';
import { ROLES } from './roles/index.ts';

/** How the quantizer does an op, for the support matrix. */
export interface QuantizeSupport {
  readonly form: 'own form' | 'table' | 'own form or table' | 'own form or by decomposition' | 'by decomposition' | 'none';
  /** Why there is no form at all. */
  readonly reason?: string;
}

/** The integer form of a float op: one of its own, a 256-entry table when it depends on one tensor, or none with the reason. */
export const quantizeSupport = (op: OpName): QuantizeSupport => {
  if (isNorm(op)) return { form: 'own form or by decomposition' };
  if (opOf(op).kind === 'composite') return { form: 'by decomposition' };
  const role: Role = ROLES[op as PrimitiveName];
  const reason = refusalReason(role.lower);
  if (role.elementwise) return { form: reason === undefined ? 'own form or table' : 'table' };
  return reason === undefined ? { form: 'own form' } : { form: 'none', reason };
};
