import type { ValueId } from '../../../ir/index.ts';
import { elementCount } from '../../../ir/index.ts';
import { type HostTensor, makeHost } from '../elem.ts';
import { broadcastShapes, foldTest, foldUnary } from '../fold.ts';
import type { OnnxNode } from '../node.ts';
import type { OnnxOp, OnnxOps } from './row.ts';
import { sameElem, secondAligned } from './util.ts';

const operands = (n: OnnxNode): readonly [ValueId, ValueId] => {
  sameElem(n);
  return [n.wire(0), secondAligned(n, n.wire(1))];
};

const compare = (
  since: readonly number[],
  test: (a: number, b: number) => boolean,
  emit: (n: OnnxNode, a: ValueId, b: ValueId) => ValueId,
): OnnxOp => ({
  since,
  fold: (n) => foldTest(n, test),
  import: (n) => {
    const [a, b] = operands(n);
    return [emit(n, a, b)];
  },
});

const boolScalar = (n: OnnxNode, value: 0 | 1): ValueId =>
  n.session.param('scalar', { dtype: 'bool', shape: [], data: Uint8Array.of(value) });

/** Known condition and integer branches, as in shape computations. */
const foldWhere = (n: OnnxNode): HostTensor | undefined => {
  const [c, a, b] = [n.input(0).host, n.input(1).host, n.input(2).host];
  if (c === undefined || a === undefined || b === undefined || a.elem !== b.elem) return undefined;
  const ab = broadcastShapes(a.shape, b.shape);
  const shape = ab === undefined ? undefined : broadcastShapes(ab, c.shape);
  if (shape === undefined || shape.length > 1 || elementCount(shape) > 65536) return undefined;
  const data = makeHost(a.elem, elementCount(shape));
  const symbols: (string | undefined)[] = [];
  const pick = (t: HostTensor, i: number): number => (t.data.length === 1 ? 0 : i);
  for (let i = 0; i < data.length; i++) {
    const from = c.data[pick(c, i)] === 0 ? b : a;
    data[i] = from.data[pick(from, i)] ?? 0;
    const symbol = from.symbols?.[pick(from, i)];
    if (symbol !== undefined) symbols[i] = symbol;
  }
  return symbols.length === 0 ? { elem: a.elem, shape, data } : { elem: a.elem, shape, data, symbols };
};

export const logic = {
  Equal: compare(
    [1, 7, 11, 13, 19],
    (a, b) => a === b,
    (n, a, b) => n.emit('equal', [a, b], {}),
  ),
  Less: compare(
    [1, 7, 9, 13],
    (a, b) => a < b,
    (n, a, b) => n.emit('less', [a, b], {}),
  ),
  Greater: compare(
    [1, 7, 9, 13],
    (a, b) => a > b,
    (n, a, b) => n.emit('less', [b, a], {}),
  ),
  LessOrEqual: compare(
    [12, 16],
    (a, b) => a <= b,
    (n, a, b) => n.emit('less_equal', [a, b], {}),
  ),
  GreaterOrEqual: compare(
    [12, 16],
    (a, b) => a >= b,
    (n, a, b) => n.emit('less_equal', [b, a], {}),
  ),
  And: compare(
    [1, 7],
    (a, b) => a !== 0 && b !== 0,
    (n, a, b) => n.emit('select', [a, b, boolScalar(n, 0)], {}),
  ),
  Or: compare(
    [1, 7],
    (a, b) => a !== 0 || b !== 0,
    (n, a, b) => n.emit('select', [a, boolScalar(n, 1), b], {}),
  ),
  Xor: compare(
    [1, 7],
    (a, b) => a !== b,
    (n, a, b) => n.emit('logical_not', [n.emit('equal', [a, b], {})], {}),
  ),
  Not: {
    since: [1],
    fold: (n) => foldUnary(n, (v) => (v === 0 ? 1 : 0)),
    import: (n) => [n.emit('logical_not', [n.wire(0)], {})],
  },
  Where: {
    since: [9, 16],
    fold: foldWhere,
    import: (n) => [{ value: n.emit('select', [n.wire(0), n.wire(1), n.wire(2)], {}), elem: n.elem(1) }],
  },
} as const satisfies OnnxOps;
