import { isStaticShape, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, ones } from './util.ts';

/** Longer sequences would make programs of very many ops. */
const MAX_STEPS = 1024;

const RULES = {
  linear: { gated: false, delta: false },
  gated: { gated: true, delta: false },
  delta: { gated: false, delta: true },
  gated_delta: { gated: true, delta: true },
} as const;
const isRule = (text: string): text is keyof typeof RULES => Object.hasOwn(RULES, text);

interface Sizes {
  readonly batch: number;
  readonly steps: number;
  readonly heads: number;
  /** Heads of key, value and state; each serves heads / groups heads of the query. */
  readonly groups: number;
  readonly keySize: number;
  readonly valueSize: number;
}

const sizesOf = (n: OnnxNode): Sizes => {
  const [heads, groups] = [n.int('q_num_heads'), n.int('kv_num_heads')];
  if (heads < 1 || groups < 1 || heads % groups !== 0)
    return n.malformed(`q_num_heads is ${heads}, not a multiple of kv_num_heads, ${groups}`);
  const shapes = [0, 1, 2].map((i) => (n.rank(i) === 3 ? n.staticShape(i) : n.malformed(`input ${i} has rank ${n.rank(i)}, not 3`)));
  const [[batch = 0, steps = 0, query = 0] = [], key = [], value = []] = shapes;
  const [keySize, valueSize] = [query / heads, at(value, 2) / groups];
  const fits = [key, value].every(([b, t]) => b === batch && t === steps) && key[2] === groups * keySize;
  if (!fits || !Number.isInteger(keySize) || !Number.isInteger(valueSize))
    return n.malformed(`query, key and value are [${shapes.map((s) => s.join(', ')).join('], [')}] for ${heads} and ${groups} heads`);
  if (batch * steps * keySize * valueSize === 0) return n.refuse('an input has no elements');
  if (steps > MAX_STEPS) return n.refuse(`the sequence has ${steps} steps, but ${MAX_STEPS} can be unrolled`);
  return { batch, steps, heads, groups, keySize, valueSize };
};

/** x [batch, steps, heads * size] in one piece per step, with axes batch, head, then `row` or `column`. */
const perStep = (
  n: OnnxNode,
  x: ValueId,
  { batch, steps }: Sizes,
  heads: number,
  size: number,
  form: 'row' | 'column',
): readonly ValueId[] => {
  const apart = n.reshape(x, [batch, steps, heads, size]);
  const turned = n.emit('transpose', [apart], { perm: form === 'row' ? [0, 2, 1, 3] : [0, 2, 3, 1] });
  return n.emitAll('split', [turned], { axis: form === 'row' ? 2 : 3, sizes: ones(steps) });
};

/** The queries of the heads that share a state are the rows of one matrix. */
const queriesOf = (n: OnnxNode, { batch, steps, heads, groups, keySize }: Sizes): readonly ValueId[] => {
  const share = heads / groups;
  const apart = n.reshape(floatWire(n, 0), [batch, steps, groups, share, keySize]);
  const rows = n.reshape(n.emit('transpose', [apart], { perm: [0, 2, 1, 3, 4] }), [batch, groups, steps * share, keySize]);
  return n.emitAll('split', [rows], { axis: 2, sizes: new Array<number>(steps).fill(share) });
};

/** e^decay per step, as columns: one factor per head, or one per head and key feature. */
const decaysOf = (n: OnnxNode, sizes: Sizes): readonly ValueId[] => {
  const { batch, steps, groups, keySize } = sizes;
  const shape = n.staticShape(4);
  const size = (shape[2] ?? 0) === groups ? 1 : keySize;
  if (shape.join() !== [batch, steps, groups * size].join())
    return n.malformed(`decay is [${shape.join(', ')}], not [${batch}, ${steps}, ${groups} or ${groups * keySize}]`);
  return perStep(n, n.emit('exp', [floatWire(n, 4)], {}), sizes, groups, size, 'column');
};

const ratesOf = (n: OnnxNode, sizes: Sizes): readonly ValueId[] => {
  const { batch, steps, groups } = sizes;
  const shape = n.staticShape(5);
  const heads = shape[2] ?? 0;
  if (shape.join() !== [batch, steps, heads].join() || (heads !== groups && heads !== 1))
    return n.malformed(`beta is [${shape.join(', ')}], not [${batch}, ${steps}, ${groups} or 1]`);
  return perStep(n, floatWire(n, 5), sizes, heads, 1, 'row');
};

const pastState = (n: OnnxNode, { batch, groups, keySize, valueSize }: Sizes): ValueId => {
  const shape = [batch, groups, keySize, valueSize];
  if (!n.has(3)) return n.emit('expand', [n.scalar(0)], { shape });
  const own = n.shapeOf(3);
  return isStaticShape(own) && own.join() === shape.join()
    ? floatWire(n, 3)
    : n.malformed(`past_state is [${own.join(', ')}], not [${shape.join(', ')}]`);
};

interface Steps {
  readonly keys: readonly ValueId[];
  readonly keyRows: readonly ValueId[];
  readonly values: readonly ValueId[];
  readonly decays: readonly ValueId[];
  readonly rates: readonly ValueId[];
}

/** S' = S e^g + k v^T, where delta rules write beta (v - (S e^g)^T k) in place of v. */
const nextState = (n: OnnxNode, before: ValueId, s: Steps, t: number): ValueId => {
  const decay = s.decays[t];
  const state = decay === undefined ? before : n.emit('mul', [before, decay], {});
  const rate = s.rates[t];
  const value = at(s.values, t);
  const written =
    rate === undefined ? value : n.emit('mul', [rate, n.emit('sub', [value, n.emit('matmul', [at(s.keyRows, t), state], {})], {})], {});
  return n.emit('add', [state, n.emit('mul', [at(s.keys, t), written], {})], {});
};

/** The recurrence, one step after the other: o_t = scale q_t^T S_t. */
const importLinearAttention = (n: OnnxNode): readonly Made[] => {
  n.ignore('chunk_size');
  const rule = n.text('update_rule', 'gated_delta');
  const { gated, delta } = isRule(rule) ? RULES[rule] : n.malformed(`update_rule is ${rule}, not one of ${Object.keys(RULES).join(', ')}`);
  if (n.has(4) !== gated) return n.malformed(`update_rule ${rule} ${gated ? 'needs' : 'takes no'} decay (input 4)`);
  if (n.has(5) !== delta) return n.malformed(`update_rule ${rule} ${delta ? 'needs' : 'takes no'} beta (input 5)`);
  const sizes = sizesOf(n);
  const { batch, steps, heads, groups, keySize, valueSize } = sizes;
  const given = n.float('scale', 0);
  const scale = given === 0 ? Math.fround(1 / Math.sqrt(keySize)) : given;
  const queries = queriesOf(n, sizes);
  const all: Steps = {
    keys: perStep(n, floatWire(n, 1), sizes, groups, keySize, 'column'),
    keyRows: delta ? perStep(n, floatWire(n, 1), sizes, groups, keySize, 'row') : [],
    values: perStep(n, floatWire(n, 2), sizes, groups, valueSize, 'row'),
    decays: gated ? decaysOf(n, sizes) : [],
    rates: delta ? ratesOf(n, sizes) : [],
  };
  let state = pastState(n, sizes);
  const reads = queries.map((q, t) => {
    n.session.budget.takeNode(n.site.origin);
    state = nextState(n, state, all, t);
    return n.emit('matmul', [q, state], {});
  });
  const rows = n.emit('mul', [n.emit('concat', reads, { axis: 2 }), n.scalar(scale)], {});
  const apart = n.reshape(rows, [batch, groups, steps, heads / groups, valueSize]);
  const output = n.reshape(n.emit('transpose', [apart], { perm: [0, 2, 1, 3, 4] }), [batch, steps, heads * valueSize]);
  return [output, { value: state, elem: n.elem(n.has(3) ? 3 : 0) }];
};

export const linearAttention = {
  LinearAttention: { since: [27], import: importLinearAttention },
} as const satisfies OnnxOps;
