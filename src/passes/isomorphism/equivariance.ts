import { opOf } from '../../ir/index.ts';
import { irOp, isStructural, type Term, type TermOp } from './graph.ts';

const SPATIAL: ReadonlySet<TermOp> = new Set<TermOp>(['max_pool', 'average_pool', 'pad']);
const NORMAL: ReadonlySet<TermOp> = new Set<TermOp>([
  'sum',
  'product',
  'bounded',
  'slope',
  'power',
  'prelu',
  'softmax',
  'maximum',
  'minimum',
]);

/** The op treats the indices of an axis alike and apart, so that their order passes through it. */
export const passesOrder = (term: Term, axis: number): boolean => {
  if (NORMAL.has(term.op)) return true;
  if (SPATIAL.has(term.op)) return axis === 1;
  const op = irOp(term.op);
  return op !== undefined && opOf(op).traits.pointwise === true;
};

const HOMOGENEOUS: ReadonlySet<TermOp> = new Set<TermOp>([
  'sum',
  'product',
  'relu',
  'slope',
  'prelu',
  'max_pool',
  'average_pool',
  'pad',
  'abs',
]);

/** f(k x) == k f(x) for k > 0; a product of several values is not, and padding is where it pads with 0. */
export const isNonNegativeFactorOp = (term: Term): boolean => {
  if (!HOMOGENEOUS.has(term.op)) return false;
  if (term.op === 'product') return term.operands.filter((o) => o.constant === undefined).length === 1;
  if (term.op === 'sum') return !term.operands.some((o) => o.constant !== undefined && isStructural(term, o.constant));
  return term.op !== 'pad' || (term.attrs as { readonly value: number }).value === 0;
};
