import { elementCount, opOf } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { irOp, type Term, type TermOp } from '../graph.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { axisMap, canonicalMovement, composed, moveAttrs, movementOf, sourceIndex, transpositionOf } from './movement.ts';
import { picked, sameSizes, shapeOf } from './shapes.ts';

/** A `move` by the permutation of a transpose. */
export const transposed = (arena: Arena, x: Term, perm: readonly number[], origin: string): Term => {
  const shape = shapeOf(x);
  return arena.move(
    x,
    shape,
    perm,
    perm.map((p) => at(shape, p)),
    origin,
  );
};

const reshape = (arena: Arena, d: Draft): Term => arena.move(at(d.operands, 0), [elementCount(shapeOf(d))], [0], shapeOf(d), d.origin);

const transpose = (arena: Arena, d: Draft): Term =>
  transposed(arena, at(d.operands, 0), (d.attrs as { readonly perm: readonly number[] }).perm, d.origin);

const merged = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const attrs = moveAttrs(d);
  if (elementCount(attrs.shape) === 0) return undefined;
  if (x.constant !== undefined) {
    const index = sourceIndex(attrs);
    return arena.constant(picked(`move ${attrs.from.join('.')} ${attrs.perm.join('.')}`, x.constant, attrs.shape, index));
  }
  if (x.op === 'move') {
    const movement = composed(moveAttrs(x), attrs);
    if (movement !== undefined) {
      const { from, perm } = canonicalMovement(movement);
      return arena.move(at(x.operands, 0), from, perm, attrs.shape, d.origin);
    }
  }
  const { from, perm } = canonicalMovement(movementOf(attrs.from, attrs.perm));
  if (perm.length <= 1 && sameSizes(shapeOf(x), attrs.shape)) return x;
  return sameSizes(from, attrs.from) && sameSizes(perm, attrs.perm) ? undefined : arena.move(x, from, perm, attrs.shape, d.origin);
};

const MOVED_THROUGH: ReadonlySet<TermOp> = new Set<TermOp>(['bounded', 'power', 'slope']);

/** f(move(x)) == move(f(x)) for what looks at one element at a time. */
const afterPointwise = (arena: Arena, d: Draft): Term | undefined => {
  const [x, ...rest] = d.operands;
  if (x?.op !== 'move' || !rest.every((o) => o.constant !== undefined && elementCount(shapeOf(o)) === 1)) return undefined;
  const { from, perm, shape } = moveAttrs(x);
  const source = at(x.operands, 0);
  const type = { dtype: d.type.dtype, shape: shapeOf(source) };
  const inner = arena.build({ ...d, operands: [source, ...rest], type });
  return arena.move(inner, from, perm, shape, d.origin);
};

/** softmax(move(x)) == move(softmax(x)) where its axis is an axis of x. */
const afterSoftmax = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  if (x.op !== 'move') return undefined;
  const { from, perm, shape } = moveAttrs(x);
  const { axis } = d.attrs as { readonly axis: number };
  const inner = axisMap(x)?.axisOf((axis + shape.length) % shape.length);
  if (inner === undefined) return undefined;
  const source = at(x.operands, 0);
  return arena.move(arena.build({ ...d, attrs: { axis: inner }, operands: [source], type: source.type }), from, perm, shape, d.origin);
};

/** reduce(move(x), axes) == move(reduce(x, axes of x)). */
const afterReduce = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const { axes, keep } = d.attrs as { readonly axes: readonly number[]; readonly keep: boolean };
  if (x.op !== 'move' || keep) return undefined;
  const map = axisMap(x);
  const shape = shapeOf(x);
  const kept = axes.filter((a) => shape[a] !== 1);
  const inner = kept.map((a) => map?.axisOf(a));
  if (map === undefined || kept.length === 0 || inner.some((a) => a === undefined)) return undefined;
  const gone = new Set(kept.flatMap((a) => map.targetGroups[a] ?? []));
  const movement = {
    source: map.movement.source.filter((a) => !gone.has(a)),
    target: map.movement.target.filter((a) => !gone.has(a)),
  };
  const { from, perm } = canonicalMovement(movement);
  const reduced = arena.emit(
    irOp(d.op) ?? 'reduce_sum',
    [at(x.operands, 0)],
    { axes: (inner as number[]).sort((p, q) => p - q), keep },
    d.origin,
  );
  return arena.move(reduced, from, perm, shapeOf(d), d.origin);
};

/** concat(transpose(a), transpose(b)) == transpose(concat(a, b)). */
const afterConcat = (arena: Arena, d: Draft): Term | undefined => {
  const perms = d.operands.map((o) => (o.op === 'move' ? transpositionOf(o) : undefined));
  const perm = perms[0];
  if (perm === undefined || !perms.every((p) => p !== undefined && sameSizes(p, perm))) return undefined;
  const axis = ((d.attrs as { readonly axis: number }).axis + perm.length) % perm.length;
  const inner = arena.emit(
    'concat',
    d.operands.map((o) => at(o.operands, 0)),
    { axis: at(perm, axis) },
    d.origin,
  );
  return transposed(arena, inner, perm, d.origin);
};

/** Attributes with an entry a dimension, in the order of the operand. */
const inOrder = (perm: readonly number[], values: readonly number[]): number[] => {
  const result = new Array<number>(perm.length).fill(0);
  perm.forEach((p, i) => {
    result[p] = at(values, i);
  });
  return result;
};

const afterPad = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const perm = x.op === 'move' ? transpositionOf(x) : undefined;
  if (perm === undefined) return undefined;
  const { pads } = d.attrs as { readonly pads: readonly number[] };
  const moved = [...inOrder(perm, pads.slice(0, perm.length)), ...inOrder(perm, pads.slice(perm.length))];
  return transposed(arena, arena.emit('pad', [at(x.operands, 0)], { ...d.attrs, pads: moved }, d.origin), perm, d.origin);
};

const afterSlice = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const perm = x.op === 'move' ? transpositionOf(x) : undefined;
  if (perm === undefined) return undefined;
  const { starts, sizes, steps } = d.attrs as Record<'starts' | 'sizes' | 'steps', readonly number[]>;
  const attrs = { starts: inOrder(perm, starts), sizes: inOrder(perm, sizes), steps: inOrder(perm, steps) };
  return transposed(arena, arena.emit('slice', [at(x.operands, 0)], attrs, d.origin), perm, d.origin);
};

const pointwiseOps = (names: readonly TermOp[]): readonly TermOp[] =>
  names.filter((n) => {
    const op = irOp(n);
    return op === undefined ? MOVED_THROUGH.has(n) : opOf(op).traits.pointwise === true && opOf(op).kind === 'primitive';
  });

/** Movement of elements: chains of reshape and transpose are one, and go after the ops that they can pass. */
export const movementRules = (names: readonly TermOp[]): readonly Rule[] => [
  { name: 'reshape is a move', exactness: 'EXACT', ops: ['reshape'], apply: reshape },
  { name: 'transpose is a move', exactness: 'EXACT', ops: ['transpose'], apply: transpose },
  { name: 'moves merge', exactness: 'EXACT', ops: ['move'], apply: merged },
  { name: 'moves go after pointwise ops', exactness: 'EXACT', ops: pointwiseOps(names), apply: afterPointwise },
  { name: 'moves go after softmax', exactness: 'EXACT', ops: ['softmax'], apply: afterSoftmax },
  {
    name: 'moves go after reductions',
    exactness: 'REAL',
    ops: ['reduce_sum', 'reduce_max', 'reduce_min', 'reduce_prod'],
    apply: afterReduce,
  },
  { name: 'moves go after concat', exactness: 'EXACT', ops: ['concat'], apply: afterConcat },
  { name: 'moves go after pad', exactness: 'EXACT', ops: ['pad'], apply: afterPad },
  { name: 'moves go after slice', exactness: 'EXACT', ops: ['slice'], apply: afterSlice },
];
