import {
  type AnyAttrs,
  attrNames,
  completeAttrs,
  elementCount,
  formatType,
  inferNode,
  isStaticType,
  opOf,
  type OpName,
  parseType,
  type Sample,
  type StaticType,
  type TensorType,
  verifyProgram,
} from '../ir/index.ts';
import { invariant } from '../support/index.ts';
import { operandsOf, type ShapeClass, type ShapeKind } from './case.ts';
import type { OperandSpec } from './data.ts';
import { programOf } from './program.ts';

/** Most shape classes that are derived from the samples of one op, besides the samples. */
const MOST_DERIVED = 16;
/** Derived shapes are small: a kit that takes hours is not run. */
const MOST_COST = 200_000;
const MOST_ELEMENTS = 50_000;

type Draft = Pick<ShapeClass, 'name' | 'kind' | 'operands' | 'attrs'>;

export const specOf = (operand: Sample['operands'][number]): OperandSpec => {
  const type = parseType(typeof operand === 'string' ? operand : operand.type);
  invariant(type !== undefined && isStaticType(type), 'operands of samples have sizes');
  if (typeof operand === 'string') return { type, constant: false };
  if ('data' in operand) return { type, given: operand.data, constant: false };
  return { type, bounds: { lo: operand.lo, hi: operand.hi }, constant: false };
};

const withShape = (spec: OperandSpec, shape: readonly number[]): OperandSpec => ({ ...spec, type: { ...spec.type, shape } });

/** Marks what the verifier wants as parameters: the shortest tail of the operands with which it accepts the use. */
const withConstants = (shape: ShapeClass): ShapeClass | undefined => {
  for (let first = shape.operands.length; first > 0; first--) {
    const operands = shape.operands.map((o, k) => ({ ...o, constant: k >= first }));
    const candidate = { ...shape, operands };
    const tensors = operandsOf({ id: `${shape.op}/${shape.name}`, shape: candidate, data: 'zeros', seed: 1 });
    const use = { shape: candidate, operands: tensors, isParam: (k: number): boolean => k >= first };
    if (verifyProgram(programOf(shape.op, [use]).program).ok) return candidate;
  }
  return undefined;
};

/** The draft with its result types; undefined when the op does not take it or it is large. */
const accept = (op: OpName, draft: Draft): ShapeClass | undefined => {
  const types = draft.operands.map((o) => o.type);
  const missing = draft.operands.some((o) => o.given?.length === 0 && elementCount(o.type.shape) > 0);
  const derived = draft.kind !== 'sample' && draft.kind !== 'named';
  const large = (t: StaticType): boolean => derived && elementCount(t.shape) > MOST_ELEMENTS;
  if (missing || types.some(large)) return undefined;
  const inferred = inferNode(op, types, draft.attrs);
  if (!inferred.ok) return undefined;
  const results = inferred.value.filter(isStaticType);
  if (results.some(large) || results.length < inferred.value.length) return undefined;
  if (derived && opOf(op).cost(types, draft.attrs, results) > MOST_COST) return undefined;
  return withConstants({ ...draft, op, results });
};

/** A shape class with given operands, for named cases; what the op does not take is a bug of the case. */
export const namedShape = (op: OpName, name: string, operands: readonly OperandSpec[], attrs: AnyAttrs): ShapeClass => {
  const complete = completeAttrs(op, attrs);
  invariant(complete.ok, `${name}: ${complete.ok ? '' : (complete.diagnostics[0]?.message ?? '')}`);
  const shape = accept(op, { name, kind: 'named', operands, attrs: complete.value });
  invariant(shape !== undefined, `${name}: ${op} does not take ${operands.map((o) => formatType(o.type)).join(', ')}`);
  return shape;
};

const SIZES: readonly (readonly [number, ShapeKind])[] = [
  [0, 'zero'],
  [1, 'one'],
  [33, 'odd'],
  [7, 'odd'],
  [2, 'odd'],
];

const derive = (base: Draft, suffix: string, kind: ShapeKind, shapes: readonly (readonly number[])[]): Draft => ({
  ...base,
  name: `${base.name}.${suffix}`,
  kind,
  operands: base.operands.map((o, k) => withShape(o, shapes[k] ?? o.type.shape)),
});

/** Replaces a size wherever it occurs, since operands mostly agree in it. */
const resized = (base: Draft): Draft[] => {
  const shapes = base.operands.map((o) => o.type.shape);
  const sizes = [...new Set(shapes.flat())];
  return SIZES.flatMap(([to, kind]) =>
    sizes
      .filter((from) => from !== to)
      .map((from) =>
        derive(
          base,
          `${from}to${to}`,
          kind,
          shapes.map((s) => s.map((d) => (d === from ? to : d))),
        ),
      ),
  );
};

/** Sets one size of one operand: broadcasting, and sizes that only look as if they had to agree. */
const oneSize = (base: Draft): Draft[] =>
  base.operands.flatMap((operand, k) =>
    operand.type.shape.flatMap((from, axis) =>
      [1, 0, from + 2]
        .filter((to) => to !== from)
        .map((to) =>
          derive(
            base,
            `x${k}d${axis}is${to}`,
            to === 0 ? 'zero' : 'broadcast',
            base.operands.map((o, other) => (other === k ? o.type.shape.with(axis, to) : o.type.shape)),
          ),
        ),
    ),
  );

/** More and fewer dimensions. */
const ranks = (base: Draft): Draft[] => {
  const shapes = base.operands.map((o) => o.type.shape);
  const [first = [], ...rest] = shapes;
  return [
    derive(base, 'wrapped', 'rank', [[1, ...first], ...rest]),
    derive(
      base,
      'doubled',
      'rank',
      shapes.map((s) => [2, ...s]),
    ),
    derive(base, 'unwrapped', 'rank', [first.slice(1), ...rest]),
    derive(
      base,
      'scalars',
      'rank',
      shapes.map(() => []),
    ),
    derive(base, 'rank6', 'rank', [[...new Array<number>(Math.max(0, 6 - first.length)).fill(1), ...first], ...rest]),
  ];
};

/** Other values of flags and choices. */
const attributes = (op: OpName, base: Draft): Draft[] => {
  const schema = opOf(op).attrs;
  return attrNames(schema).flatMap((attr) => {
    const spec = schema[attr];
    const values = spec?.kind === 'bool' ? [false, true] : spec?.kind === 'enum' ? spec.values : [];
    return values
      .filter((v) => v !== base.attrs[attr])
      .map((v): Draft => ({ ...base, name: `${base.name}.${attr}=${String(v)}`, kind: 'attribute', attrs: { ...base.attrs, [attr]: v } }));
  });
};

/** One of each list in turn, so that a short prefix has some of each. */
const interleave = <T>(lists: readonly (readonly T[])[]): T[] => {
  const longest = lists.reduce((n, l) => Math.max(n, l.length), 0);
  return Array.from({ length: longest }, (_, i) => lists.flatMap((l) => l.slice(i, i + 1))).flat();
};

const rotate = <T>(list: readonly T[], by: number): readonly T[] => {
  const cut = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(cut), ...list.slice(0, cut)];
};

const signature = (shape: Draft): string =>
  JSON.stringify([shape.operands.map((o) => [formatType(o.type), o.given, o.bounds]), Object.entries(shape.attrs)]);

/**
 * The shape classes of an op: its samples, and what derives from them by other sizes (0, 1, odd), ranks, broadcasting and
 * attributes, as far as inference accepts it. From the definition of the op alone, so a new op has its classes at once.
 */
export const shapeClassesOf = (op: OpName): readonly ShapeClass[] => {
  const bases = opOf(op).samples.flatMap((sample, i): Draft[] => {
    const attrs = completeAttrs(op, sample.attrs ?? {});
    return attrs.ok ? [{ name: `s${i}`, kind: 'sample', operands: sample.operands.map(specOf), attrs: attrs.value }] : [];
  });
  const seen = new Set<string>();
  const take = (drafts: readonly Draft[], most: number): ShapeClass[] => {
    const taken: ShapeClass[] = [];
    for (const draft of drafts) {
      if (taken.length >= most) break;
      const key = signature(draft);
      if (seen.has(key)) continue;
      seen.add(key);
      const shape = accept(op, draft);
      if (shape !== undefined) taken.push(shape);
    }
    return taken;
  };
  const samples = take(bases, bases.length);
  // the lists are rotated, so that samples do not all give the same variation
  const derived = interleave(
    bases.map((base, i) =>
      rotate(interleave([rotate(resized(base), i), rotate(ranks(base), i), rotate(oneSize(base), 3 * i), attributes(op, base)]), i),
    ),
  );
  return [...samples, ...take(derived, MOST_DERIVED)];
};

/** Every use of the op with an operand size of 0 that inference accepts, at most `most`. */
export const zeroSizedShapes = (op: OpName, most: number): readonly ShapeClass[] => {
  const found: ShapeClass[] = [];
  for (const [i, sample] of opOf(op).samples.entries()) {
    const attrs = completeAttrs(op, sample.attrs ?? {});
    if (!attrs.ok) continue;
    const base: Draft = { name: `${op}-s${i}`, kind: 'zero', operands: sample.operands.map(specOf), attrs: attrs.value };
    for (const draft of [...resized(base), ...oneSize(base)].filter((d) => d.kind === 'zero')) {
      if (found.length >= most) return found;
      const shape = accept(op, draft);
      if (shape !== undefined) found.push({ ...shape, kind: 'zero' });
    }
  }
  return found;
};

/** The operand types of a sample; of a broken example, sizes may be symbols. */
export const typesOfSample = (sample: Sample): readonly TensorType[] =>
  sample.operands.map((operand) => {
    const type = parseType(typeof operand === 'string' ? operand : operand.type);
    invariant(type !== undefined, 'operands of samples have types');
    return type;
  });
