import { type AnyNode, type Program, type Tensor, typeOf, useCounts, type ValueId } from '../../src/ir/index.ts';
import { runPasses } from '../../src/passes/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { type Dice, edited, nodesWhere, put, tensorOf } from './edit.ts';

/** A change that keeps what a model computes; undefined where the model has no place for it. */
export type Mutation = (program: Program, dice: Dice) => Program | undefined;

/** One node, changed. */
const atOne = (
  program: Program,
  dice: Dice,
  test: (node: AnyNode) => boolean,
  change: (
    node: AnyNode,
    x: readonly ValueId[],
    b: Parameters<NonNullable<Parameters<typeof edited>[1]['visit']>>[3],
  ) => readonly ValueId[],
): Program | undefined => {
  const chosen = dice.pick(nodesWhere(program, test));
  return chosen === undefined ? undefined : edited(program, { visit: (n, x, i, b) => (i === chosen ? change(n, x, b) : undefined) });
};

const f32 = (shape: readonly number[], data: ArrayLike<number>): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) });

const rename: Mutation = (program) => {
  let n = 0;
  return edited(program, { rename: () => `renamed${n++}` });
};

/** Another order of execution: a node comes up once its operands are there. */
const reorder: Mutation = (program, dice) => {
  const producer = new Map<ValueId, number>();
  for (const [i, n] of program.nodes.entries()) for (const r of n.results) producer.set(r, i);
  const done = new Set<number>();
  const order: number[] = [];
  const waiting = new Set(program.nodes.keys());
  while (waiting.size > 0) {
    const ready = [...waiting].filter((i) =>
      at(program.nodes, i).operands.every((v) => done.has(producer.get(v) ?? -1) || !producer.has(v)),
    );
    const next = at([dice.pick(ready) ?? -1], 0);
    waiting.delete(next);
    done.add(next);
    order.push(next);
  }
  return edited(program, { order });
};

const swapCommutative: Mutation = (program, dice) =>
  atOne(
    program,
    dice,
    (n) => (n.op === 'add' || n.op === 'mul') && n.operands.length === 2,
    (n, [x, y], b) => [put(b, n.op, [at([y], 0) as ValueId, at([x], 0) as ValueId], n.attrs)],
  );

const identities: Mutation = (program, dice) =>
  atOne(
    program,
    dice,
    (n) => n.results.length === 1 && at(program.types, at(n.results, 0)).shape.length === 4,
    (n, x, b) => {
      const y = put(b, n.op, x, n.attrs);
      return [put(b, 'transpose', [put(b, 'transpose', [y], { perm: [0, 2, 3, 1] })], { perm: [0, 3, 1, 2] })];
    },
  );

const spelledOut: Mutation = (program) => {
  const expanded = unwrap(runPasses(program, ['expand']));
  return expanded === program ? undefined : expanded;
};

const reluAsMaximum: Mutation = (program, dice) =>
  atOne(
    program,
    dice,
    (n) => n.op === 'relu',
    (_, x, b) => [put(b, 'maximum', [...x, b.constant(f32([], [0]))])],
  );

const biasApart: Mutation = (program, dice) =>
  atOne(
    program,
    dice,
    (n) => (n.op === 'conv' || n.op === 'dense') && n.operands.length === 3,
    (n, [x, w, bias], b) => {
      const y = put(b, n.op, [x, w] as ValueId[], n.attrs);
      const rank = b.typeOf(y).shape.length;
      const channels = at(b.typeOf(bias as ValueId).shape, 0) as number;
      const shape = n.op === 'conv' ? [1, channels, ...new Array<number>(rank - 2).fill(1)] : [channels];
      return [put(b, 'add', [y, put(b, 'reshape', [bias as ValueId], { shape })])];
    },
  );

const padApart: Mutation = (program, dice) =>
  atOne(
    program,
    dice,
    (n) =>
      n.op === 'conv' && (n.attrs['pads'] as readonly number[]).some((p) => p > 0) && at(program.types, at(n.results, 0)).dtype === 'f32',
    (n, [x, ...rest], b) => {
      const pads = n.attrs['pads'] as readonly number[];
      const half = pads.length / 2;
      const padded = put(b, 'pad', [x as ValueId], {
        pads: [0, 0, ...pads.slice(0, half), 0, 0, ...pads.slice(half)],
        mode: 'constant',
        value: 0,
      });
      return [put(b, 'conv', [padded, ...rest], { ...n.attrs, pads: pads.map(() => 0) })];
    },
  );

const channelsLast: Mutation = (program, dice) =>
  atOne(
    program,
    dice,
    (n) => n.op === 'conv' && at(program.types, at(n.results, 0)).shape.length === 4,
    (n, [x, w, ...bias], b) => {
      const last = [0, 2, 3, 1];
      const moved = (v: ValueId | undefined): ValueId => put(b, 'transpose', [v as ValueId], { perm: last });
      return [put(b, 'transpose', [put(b, 'conv_nhwc', [moved(x), moved(w), ...bias], n.attrs)], { perm: [0, 3, 1, 2] })];
    },
  );

/** A batch norm after a layer whose weights take it back. */
const unfoldNorm: Mutation = (program, dice) => {
  const fits = (n: AnyNode): boolean =>
    n.op === 'conv' &&
    tensorOf(program, n.operands[1])?.dtype === 'f32' &&
    (n.operands.length < 3 || tensorOf(program, n.operands[2]) !== undefined);
  return atOne(program, dice, fits, (n, [x], b) => {
    const w = at(
      [tensorOf(program, n.operands[1])].filter((t) => t !== undefined),
      0,
    );
    const channels = at(w.shape, 0);
    const per = w.data.length / channels;
    const factor = Float64Array.from({ length: channels }, () => 0.5 + dice.below(1000) / 1000);
    const mean = Float64Array.from({ length: channels }, () => dice.below(1000) / 1000 - 0.5);
    const bias = tensorOf(program, n.operands[2]);
    const epsilon = 1e-3;
    const y = put(
      b,
      'conv',
      [
        x as ValueId,
        b.constant(
          f32(
            w.shape,
            Float32Array.from(w.data, (v, i) => v / at(factor, Math.floor(i / per))),
          ),
        ),
      ],
      n.attrs,
    );
    const norm = [
      f32(
        [channels],
        factor.map((k) => k * Math.sqrt(1 + epsilon)),
      ),
      f32(
        [channels],
        mean.map((m, c) => (bias === undefined ? 0 : at(bias.data, c)) + m * at(factor, c)),
      ),
      f32([channels], mean),
      f32([channels], new Float32Array(channels).fill(1)),
    ];
    return [put(b, 'batch_norm', [y, ...norm.map((t) => b.constant(t))], { epsilon: Math.fround(epsilon) })];
  });
};

/** Hidden channels in another order, or multiplied by factors that the next layer divides by. */
const hiddenChannels =
  (scaled: boolean): Mutation =>
  (program, dice) => {
    const uses = useCounts(program);
    const producer = new Map<ValueId, AnyNode>();
    for (const n of program.nodes as readonly AnyNode[]) for (const r of n.results) producer.set(r, n);
    const plain = (n: AnyNode): boolean => n.op === 'relu' || (n.op === 'max_pool' && !scaled) || (n.op === 'max_pool' && scaled);
    const pairs = (program.nodes as readonly AnyNode[]).flatMap((second) => {
      if (second.op !== 'conv' && second.op !== 'dense') return [];
      if (second.op === 'conv' && second.attrs['groups'] !== 1) return [];
      let v = at(second.operands, 0);
      let from = producer.get(v);
      while (from !== undefined && plain(from) && uses[v] === 1) {
        v = at(from.operands, 0);
        from = producer.get(v);
      }
      const first = from;
      if (first === undefined || first.op !== second.op || uses[v] !== 1 || (first.op === 'conv' && first.attrs['groups'] !== 1)) return [];
      const own = [first.operands[1], first.operands[2], second.operands[1]];
      const all = own.every((o, i) => (i === 1 && o === undefined) || (tensorOf(program, o)?.dtype === 'f32' && uses[o as number] === 1));
      return all ? [{ first, second }] : [];
    });
    const chosen = dice.pick(pairs);
    if (chosen === undefined) return undefined;
    const [w1, b1, w2] = [chosen.first.operands[1], chosen.first.operands[2], chosen.second.operands[1]];
    const channels = at(at(program.types, w1 as number).shape, 0) as number;
    const order = scaled ? Array.from({ length: channels }, (_, i) => i) : dice.shuffled(channels);
    const factor = Array.from({ length: channels }, () => (scaled ? 0.5 + dice.below(1000) / 500 : 1));
    const byValue = new Map(program.params.map((p, i) => [i, p.value]));
    return edited(program, {
      param: (tensor, i) => {
        const value = byValue.get(i);
        const data = tensor.data.slice();
        if (value === w1 || (value === b1 && b1 !== undefined)) {
          const per = data.length / channels;
          for (let c = 0; c < channels; c++)
            for (let k = 0; k < per; k++) data[at(order, c) * per + k] = at(tensor.data, c * per + k) * at(factor, c);
          return { ...tensor, data };
        }
        if (value !== w2) return tensor;
        const [outputs = 1] = tensor.shape;
        const per = data.length / outputs / channels;
        for (let o = 0; o < outputs; o++) {
          for (let c = 0; c < channels; c++) {
            for (let k = 0; k < per; k++)
              data[(o * channels + at(order, c)) * per + k] = at(tensor.data, (o * channels + c) * per + k) / at(factor, c);
          }
        }
        return { ...tensor, data };
      },
    });
  };

const matmulForDense: Mutation = (program, dice) =>
  atOne(
    program,
    dice,
    (n) => n.op === 'dense' && typeOf(program, at(n.operands, 0)).shape.length === 2,
    (_, [x, w, ...bias], b) => {
      const y = put(b, 'matmul', [x as ValueId, put(b, 'transpose', [w as ValueId], { perm: [1, 0] })]);
      return [bias.length === 0 ? y : put(b, 'add', [y, ...bias])];
    },
  );

export const SAME: Readonly<Record<string, Mutation>> = {
  rename,
  reorder,
  'swap operands of a commutative op': swapCommutative,
  'transposes that cancel': identities,
  'composites spelled out': spelledOut,
  'relu as maximum': reluAsMaximum,
  'bias apart': biasApart,
  'padding apart': padApart,
  'channels last': channelsLast,
  'unfolded batch norm': unfoldNorm,
  'matmul for dense': matmulForDense,
  'hidden channels permuted': hiddenChannels(false),
  'hidden channels scaled': hiddenChannels(true),
};
