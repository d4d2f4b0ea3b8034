import { isStaticShape, type Program, type TensorType, typeOf } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { InputView } from './normal/index.ts';

/** Which ports of B are those of A, and how they are seen where their shapes differ. */
export interface Alignment {
  /** For each port of A, the index of its counterpart in B. */
  readonly order: readonly number[];
  /** How ports of B are seen, by index in B. */
  readonly views: ReadonlyMap<number, InputView>;
  /** What was assumed, for the reader. */
  readonly notes: readonly string[];
}

interface Named {
  readonly name: string;
  readonly type: TensorType;
}

export const portsOf = (program: Program, side: 'inputs' | 'outputs'): readonly Named[] =>
  program[side].map((p) => ({ name: p.name, type: typeOf(program, p.value) }));

const permute = (shape: readonly number[], perm: readonly number[]): readonly number[] => perm.map((p) => at(shape, p));
const equal = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** Ways to see a port of shape `own` as one of shape `wanted`; none when they are the same. */
const viewsOf = (wanted: TensorType, own: TensorType): readonly (InputView | undefined)[] => {
  if (equal(wanted.shape, own.shape) || wanted.dtype !== own.dtype) return [undefined];
  if (!isStaticShape(wanted.shape) || !isStaticShape(own.shape)) return [undefined];
  const rank = wanted.shape.length;
  const toLast = [0, ...Array.from({ length: Math.max(0, rank - 2) }, (_, i) => i + 2), 1];
  const toFirst = [0, rank - 1, ...Array.from({ length: Math.max(0, rank - 2) }, (_, i) => i + 1)];
  const shape = wanted.shape;
  const count = (s: readonly number[]): number => s.reduce((n, d) => n * d, 1);
  const moved =
    rank < 3 || own.shape.length !== rank
      ? []
      : [toLast, toFirst]
          .filter((perm) => equal(permute(wanted.shape as readonly number[], perm), own.shape))
          .map((perm) => ({ shape, perm }));
  const flat = count(wanted.shape) === count(own.shape) ? [{ shape, perm: undefined }] : [];
  return moved.length + flat.length === 0 ? [undefined] : [...moved, ...flat];
};

/** Orders of the ports of B that fit those of A: by name, by position, and by type when that leaves one. */
const ordersOf = (a: readonly Named[], b: readonly Named[]): readonly (readonly number[])[] => {
  const positions = a.map((_, i) => i);
  const byName = a.map((p) => b.findIndex((q) => q.name === p.name));
  const named = byName.every((i) => i >= 0) && new Set(byName).size === b.length;
  const orders = named ? [byName] : [positions];
  const byType = a.map((p) => b.findIndex((q) => q.type.dtype === p.type.dtype && equal(q.type.shape, p.type.shape)));
  if (!named && new Set(byType).size === b.length && !byType.includes(-1) && !equal(byType, positions)) orders.unshift(byType);
  return orders;
};

const describe = (side: string, a: Named, b: Named, view: InputView): string =>
  view.perm === undefined
    ? `${side} ${b.name} of B is [${b.type.shape.join(', ')}]: seen as [${a.type.shape.join(', ')}]`
    : `${side} ${b.name} of B is [${b.type.shape.join(', ')}], another layout of [${a.type.shape.join(', ')}]`;

const MAX_CANDIDATES = 8;

/** Ways in which the ports of B may be those of A, the likeliest first; few, since every one is tried. */
export const alignments = (a: Program, b: Program, side: 'inputs' | 'outputs'): readonly Alignment[] => {
  const [pa, pb] = [portsOf(a, side), portsOf(b, side)];
  const result: Alignment[] = [];
  for (const order of ordersOf(pa, pb)) {
    let partial: { readonly views: ReadonlyMap<number, InputView>; readonly notes: readonly string[] }[] = [
      { views: new Map(), notes: [] },
    ];
    pa.forEach((p, i) => {
      const index = order[i] ?? -1;
      const q = pb[index];
      if (q === undefined) return;
      // an output is seen from B to A, an input from A to B
      partial = partial
        .flatMap(({ views, notes }) =>
          viewsOf(p.type, q.type).map((view) =>
            view === undefined
              ? { views, notes }
              : { views: new Map([...views, [index, view]]), notes: [...notes, describe(side.slice(0, -1), p, q, view)] },
          ),
        )
        .slice(0, MAX_CANDIDATES);
    });
    for (const { views, notes } of partial) result.push({ order, views, notes });
  }
  return result.slice(0, MAX_CANDIDATES);
};
