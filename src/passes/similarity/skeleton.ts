import { elementCount, opOf } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { type Graph, irOp, type Term, type TermOp } from '../isomorphism/graph.ts';
import type { Twin } from './twins.ts';

/** A node of a skeleton: a layer, an activation of any spelling, or what joins and reduces. */
export interface Bone {
  /** What it is, channels left out. */
  readonly kind: string;
  /** How many channels it makes; 0 where that is not its own. */
  readonly width: number;
  readonly operands: readonly number[];
}

/** A network with its pointwise functions drawn together: affine steps are left out, the others are `relu` or `curve`. */
export interface Skeleton {
  readonly bones: readonly Bone[];
  /** The bone of each layer. */
  readonly boneOf: ReadonlyMap<Term, number>;
}

type Bend = 'straight' | 'relu' | 'curve';

/** A value as a function of one bone, element by element. */
interface Bent {
  readonly bone: number;
  readonly bend: Bend;
}

const TRANSPARENT: ReadonlySet<TermOp> = new Set<TermOp>(['move', 'cast', 'quantize', 'dequantize', 'round', 'pad']);
const RELUS: ReadonlySet<TermOp> = new Set<TermOp>(['relu', 'bounded', 'slope', 'prelu']);
const NORMAL_POINTWISE: ReadonlySet<TermOp> = new Set<TermOp>(['sum', 'product', 'bounded', 'power', 'slope', 'prelu']);

const isPointwise = (op: TermOp): boolean => {
  const ir = irOp(op);
  return NORMAL_POINTWISE.has(op) || (ir !== undefined && opOf(ir).traits.pointwise === true);
};

/** Means are sums but for a factor. */
const plainOp = (op: TermOp): string => (op === 'reduce_mean' ? 'reduce_sum' : op);

const WINDOWED = ['stride', 'dilation', 'kernel'] as const;

const kindOf = (t: Term): Pick<Bone, 'kind' | 'width'> => {
  const shape = t.operands[1]?.constant?.type.shape;
  const attrs = t.attrs as Readonly<Record<string, unknown>>;
  const window = WINDOWED.map((name) => (Array.isArray(attrs[name]) ? (attrs[name] as readonly number[]).join('x') : '')).join(' ');
  if (shape === undefined || !(t.op === 'conv' || t.op === 'dense' || t.op === 'conv_transpose')) {
    return { kind: `${plainOp(t.op)} ${window}`, width: 0 };
  }
  const [rows, inputs] = t.op === 'conv_transpose' ? [shape[1] ?? 1, shape[0] ?? 1] : [shape[0] ?? 1, shape[1] ?? 1];
  const groups = Number(attrs['groups'] ?? 1);
  const grouping = groups === 1 ? '' : inputs === 1 ? 'depthwise' : 'grouped';
  // a convolution of one tap and a dense layer are the same thing
  const taps = shape.slice(2);
  return { kind: elementCount(taps) === 1 ? `point ${grouping}` : `${t.op} ${taps.join('x')} ${window} ${grouping}`, width: rows };
};

/** Draws a graph in normal form together. @param twins - layers that are another one, see `twinLayers` */
export const skeletonOf = (graph: Graph, twins: ReadonlyMap<Term, Twin>): Skeleton => {
  const bones: Bone[] = [];
  const boneOf = new Map<Term, number>();
  const values = new Map<Term, Bent>();
  const acts = new Map<string, number>();
  const add = (bone: Bone): number => bones.push(bone) - 1;
  const settled = ({ bone, bend }: Bent): number => {
    if (bend === 'straight') return bone;
    const key = `${bend} ${bone}`;
    const known = acts.get(key) ?? add({ kind: bend, width: 0, operands: [bone] });
    acts.set(key, known);
    return known;
  };
  for (const t of graph.terms) {
    if (t.constant !== undefined) continue;
    const given = t.operands.flatMap((o) => values.get(o) ?? []);
    const [first] = given;
    const twin = values.get(twins.get(t)?.of ?? t);
    if (twin !== undefined) {
      values.set(t, twin);
      continue;
    }
    if (first !== undefined && TRANSPARENT.has(t.op) && given.length === 1) {
      values.set(t, first);
      continue;
    }
    if (first !== undefined && isPointwise(t.op) && given.every((g) => g.bone === first.bone)) {
      const affine = (t.op === 'sum' || t.op === 'product') && given.length === 1;
      const relu = RELUS.has(t.op) && given.length === 1 && first.bend !== 'curve';
      values.set(t, affine ? first : { bone: first.bone, bend: relu ? 'relu' : 'curve' });
      continue;
    }
    const bone = add({ ...kindOf(t), operands: given.map(settled) });
    boneOf.set(t, bone);
    values.set(t, { bone, bend: 'straight' });
  }
  for (const { term } of graph.outputs) {
    const value = values.get(term);
    if (value !== undefined) settled(value);
  }
  return { bones, boneOf };
};

/** How many times neighbours are looked at. */
const ROUNDS = 4;

/**
 * Colors of bones, round by round (Weisfeiler and Leman): a bone's own kind first, then with those of its operands and users. Two skeletons
 * that share `numbers` share colors.
 * @param widths - whether channels are told apart
 */
export const bonesColored = (
  { bones }: Skeleton,
  numbers: Map<string, number>,
  widths: boolean,
  rounds = ROUNDS,
): readonly Int32Array[] => {
  const number = (text: string): number => {
    const known = numbers.get(text) ?? numbers.size;
    numbers.set(text, known);
    return known;
  };
  const users: number[][] = bones.map(() => []);
  bones.forEach((b, i) => {
    for (const o of b.operands) at(users, o).push(i);
  });
  let colors = Int32Array.from(bones, (b) => number(`${widths ? b.width : ''} ${b.kind}`));
  const all = [colors];
  for (let round = 0; round < rounds; round++) {
    const of = (some: readonly number[]): string =>
      some
        .map((i) => at(colors, i))
        .sort((a, b) => a - b)
        .join(',');
    const next = Int32Array.from(bones, (b, i) => number(`${at(colors, i)}<${of(b.operands)}>${of(at(users, i))}`));
    colors = next;
    all.push(next);
  }
  return all;
};

/** The cosine of how often each color occurs in two skeletons, all rounds with and without widths: the subtree kernel, 1 for equal skeletons. */
export const structureCosine = (a: Skeleton, b: Skeleton): number => {
  let [ab, aa, bb] = [0, 0, 0];
  for (const widths of [true, false]) {
    const numbers = new Map<string, number>();
    const counts = [a, b].map((s) => bonesColored(s, numbers, widths)) as [readonly Int32Array[], readonly Int32Array[]];
    for (let round = 0; round <= ROUNDS; round++) {
      const [x, y] = counts.map((c) => {
        const count = new Map<number, number>();
        for (const color of at(c, round)) count.set(color, (count.get(color) ?? 0) + 1);
        return count;
      }) as [Map<number, number>, Map<number, number>];
      for (const [color, n] of x) {
        aa += n * n;
        ab += n * (y.get(color) ?? 0);
      }
      for (const n of y.values()) bb += n * n;
    }
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
};
