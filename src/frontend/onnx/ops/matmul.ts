import type { ValueId } from '../../../ir/index.ts';
import type { HostTensor } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, last } from './util.ts';

/** Square tiles keep both sides of a transposition in the cache. */
const TILE = 32;

/** A [rows, columns] matrix as [columns, rows], tile by tile. */
const transposedData = (host: HostTensor): Float32Array => {
  const [rows = 0, columns = 0] = host.shape;
  const out = new Float32Array(rows * columns);
  // elements at an odd place of the file are read there, without an aligned copy
  const view = host.raw === undefined ? undefined : new DataView(host.raw.buffer, host.raw.byteOffset, host.raw.byteLength);
  const data = view === undefined ? host.data : new Float32Array(0);
  for (let top = 0; top < rows; top += TILE)
    for (let left = 0; left < columns; left += TILE) {
      const bottom = Math.min(rows, top + TILE);
      const right = Math.min(columns, left + TILE);
      for (let c = left; c < right; c++)
        for (let r = top; r < bottom; r++) {
          const from = r * columns + c;
          out[c * rows + r] = view === undefined ? (data[from] ?? 0) : view.getFloat32(4 * from, true);
        }
    }
  return out;
};

const transposeTwo = (n: OnnxNode, x: ValueId, flag: boolean): ValueId => (flag ? n.emit('transpose', [x], { perm: [1, 0] }) : x);

const transposedCopy = (n: OnnxNode, i: number, host: HostTensor): ValueId => {
  const [rows = 0, columns = 0] = host.shape;
  return n.session.param(n.input(i).name, { dtype: 'f32', shape: [columns, rows], data: transposedData(host) });
};

/** A known [k, n] matrix as the [n, k] weights of `dense`; one copy, shared by all nodes that use the matrix. */
const transposedParam = (n: OnnxNode, i: number, host: HostTensor): ValueId => {
  const have = n.session.transposed.get(host);
  if (have !== undefined) return have;
  const made = n.session.isSpelled(n.input(i)) ? transposeTwo(n, floatWire(n, i), true) : transposedCopy(n, i, host);
  n.session.transposed.set(host, made);
  return made;
};

const matMul = (n: OnnxNode): ValueId => {
  const [a, host] = [floatWire(n, 0), n.input(1).host];
  const [rankA, rankB] = [n.rank(0), n.rank(1)];
  if (rankA === 0 || rankB === 0) return n.malformed('an input has no dimensions');
  if (host !== undefined && rankB === 2) return n.emit('dense', [a, transposedParam(n, 1, host)], {});
  const b = floatWire(n, 1);
  const left = rankA === 1 ? n.reshape(a, [1, ...n.shapeOf(0)]) : a;
  const right = rankB === 1 ? n.reshape(b, [...n.shapeOf(1), 1]) : b;
  const product = n.emit('matmul', [left, right], {});
  if (rankA > 1 && rankB > 1) return product;
  // a vector's extra dimension of size 1 is dropped again
  const { shape } = n.typeOf(product);
  const kept = [...shape.slice(0, -2), ...(rankA > 1 ? [last(shape.slice(0, -1))] : []), ...(rankB > 1 ? [last(shape)] : [])];
  return n.reshape(product, kept);
};

/** The third operand as the bias of `dense`: known, one entry per output, neither operand scaled. */
const denseBias = (n: OnnxNode, outputs: number | string | undefined): ValueId | undefined => {
  if (!n.has(2)) return undefined;
  const { host, shape, name } = n.input(2);
  if (host === undefined || host.data.length !== outputs || last([1, ...shape]) !== outputs) return undefined;
  const data = host.data instanceof Float32Array ? host.data : Float32Array.from(host.data);
  return shape.length === 1 ? n.wire(2) : n.session.param(name, { dtype: 'f32', shape: [host.data.length], data });
};

/** Y = alpha * A' * B' + beta * C */
const gemm = (n: OnnxNode): ValueId => {
  n.ignore('broadcast');
  if (n.rank(0) !== 2 || n.rank(1) !== 2) return n.malformed(`A has rank ${n.rank(0)} and B rank ${n.rank(1)}, but both are matrices`);
  const [alpha, beta] = [n.float('alpha', 1), n.float('beta', 1)];
  const transB = n.int('transB', 0) !== 0;
  const a = transposeTwo(n, floatWire(n, 0), n.int('transA', 0) !== 0);
  const host = n.input(1).host;
  const viaDense = transB || host !== undefined;
  const fused = viaDense && alpha === 1 && beta === 1 ? denseBias(n, n.shapeOf(1)[transB ? 0 : 1]) : undefined;
  const weights = transB || host === undefined ? floatWire(n, 1) : transposedParam(n, 1, host);
  const product = viaDense
    ? n.emit('dense', [a, weights, ...(fused === undefined ? [] : [fused])], {})
    : n.emit('matmul', [a, weights], {});
  const scaled = alpha === 1 ? product : n.emit('mul', [product, n.scalar(alpha)], {});
  if (!n.has(2) || fused !== undefined || beta === 0) return scaled;
  const c = floatWire(n, 2);
  return n.emit('add', [scaled, beta === 1 ? c : n.emit('mul', [c, n.scalar(beta)], {})], {});
};

export const matmul = {
  MatMul: { since: [1, 9, 13], import: (n) => [matMul(n)] },
  Gemm: { since: [1, 6, 7, 9, 11, 13], import: (n) => [gemm(n)] },
} as const satisfies OnnxOps;
