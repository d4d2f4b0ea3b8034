import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, float, int } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { span } from './util.ts';

/** The last two dimensions change places. */
const turned = (n: LayerNode, i: number): ValueId => {
  const rank = n.rank(i);
  return n.permuted(i, [...span(0, rank - 2), rank - 1, rank - 2]);
};

const batchDot = (n: LayerNode): ValueId => {
  n.ignore('forward_stype');
  const [a, b] = [bool(n, 'transpose_a', false), bool(n, 'transpose_b', false)];
  if (n.rank(0) < 2 || n.rank(1) < 2) return n.malformed(`the inputs have rank ${n.rank(0)} and ${n.rank(1)}`);
  return n.emit('matmul', [a ? turned(n, 0) : n.real(0), b ? turned(n, 1) : n.real(1)], {});
};

/** The last dimension of a with the first of b: transposed, the first of a and the last of b. */
const dot = (n: LayerNode): Made => {
  n.ignore('forward_stype');
  const [ta, tb] = [bool(n, 'transpose_a', false), bool(n, 'transpose_b', false)];
  const [a, b] = [n.shapeOf(0), n.shapeOf(1)];
  if (a.length === 1 && b.length === 1) {
    const product = n.emit('matmul', [n.reshape(n.real(0), [1, at(a, 0)]), n.reshape(n.real(1), [at(b, 0), 1])], {});
    return n.reshape(product, [1]);
  }
  const depth = ta ? at(a, 0) : at(a, a.length - 1);
  const [rows, columns] = [elementCount(a) / depth, elementCount(b) / (tb ? at(b, b.length - 1) : at(b, 0))];
  const matrix = (i: number, first: number, second: number, turn: boolean): ValueId => {
    const flat = n.rank(i) === 2 ? n.real(i) : n.reshape(n.real(i), [first, second]);
    return turn ? (n.rank(i) === 2 ? turned(n, i) : n.emit('transpose', [flat], { perm: [1, 0] })) : flat;
  };
  const left = ta ? matrix(0, depth, rows, true) : matrix(0, rows, depth, false);
  const right = tb ? matrix(1, columns, depth, true) : matrix(1, depth, columns, false);
  const product = n.emit('matmul', [left, right], {});
  const shape = [...(ta ? a.slice(1) : a.slice(0, -1)), ...(tb ? b.slice(0, -1) : b.slice(1))];
  return shape.length === 2 ? product : n.reshape(product, shape);
};

const scaled = (n: LayerNode, x: ValueId, factor: number): ValueId => (factor === 1 ? x : n.emit('mul', [x, n.scalar(factor)], {}));

/** alpha a b + beta c; batched. */
const gemm = (n: LayerNode, added: boolean): Made => {
  const axis = int(n, 'axis', -2);
  if (axis !== -2) return n.refuse(`axis is ${axis}`);
  const product = scaled(n, batchDot(n), float(n, 'alpha', 1));
  return added ? n.emit('add', [product, scaled(n, n.real(2), float(n, 'beta', 1))], {}) : product;
};

/** Heads of queries, keys and values that stand interleaved in one tensor [length, batch, heads parts size]. */
const interleaved = (n: LayerNode, i: number, part: number, partCount: number, heads: number): ValueId => {
  const [length = 0, batch = 0, width = 0] = n.shapeOf(i);
  const size = width / heads / partCount;
  if (n.rank(i) !== 3 || heads < 1 || !Number.isInteger(size)) return n.malformed(`input ${i} is [${n.shapeOf(i).join(', ')}]`);
  const parts = n.emitAll('split', [n.reshape(n.real(i), [length, batch, heads, partCount, size])], {
    axis: 3,
    sizes: new Array<number>(partCount).fill(1),
  });
  const chosen = n.reshape(at(parts, part), [length, batch * heads, size]);
  return n.emit('transpose', [chosen], { perm: [1, 0, 2] });
};

/** Queries over sqrt(size), times keys: [batch heads, queries, keys]. */
const scores = (n: LayerNode, q: ValueId, k: ValueId): Made => {
  const size = at(n.sizes(q), 2);
  const query = n.emit('div', [q, n.scalar(Math.sqrt(size))], {});
  return n.emit('matmul', [query, n.emit('transpose', [k], { perm: [0, 2, 1] })], {});
};
/** Attention times values, heads side by side again. */
const weighted = (n: LayerNode, v: ValueId, heads: number): Made => {
  const [all = 0, length = 0] = n.shapeOf(1);
  const product = n.emit('matmul', [n.real(1), v], {});
  const size = at(n.sizes(v), 2);
  return n.reshape(n.emit('transpose', [product], { perm: [1, 0, 2] }), [length, all / heads, heads * size]);
};

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

export const linear = {
  dot: one(dot),
  batch_dot: one(batchDot),
  _linalg_gemm: one((n) => gemm(n, true)),
  _linalg_gemm2: one((n) => gemm(n, false)),
  _contrib_interleaved_matmul_selfatt_qk: one((n) => {
    const heads = int(n, 'heads');
    return scores(n, interleaved(n, 0, 0, 3, heads), interleaved(n, 0, 1, 3, heads));
  }),
  _contrib_interleaved_matmul_selfatt_valatt: one((n) => {
    const heads = int(n, 'heads');
    return weighted(n, interleaved(n, 0, 2, 3, heads), heads);
  }),
  _contrib_interleaved_matmul_encdec_qk: one((n) => {
    const heads = int(n, 'heads');
    return scores(n, interleaved(n, 0, 0, 1, heads), interleaved(n, 1, 0, 2, heads));
  }),
  _contrib_interleaved_matmul_encdec_valatt: one((n) => {
    const heads = int(n, 'heads');
    return weighted(n, interleaved(n, 0, 1, 2, heads), heads);
  }),
} as const satisfies MxTable;
