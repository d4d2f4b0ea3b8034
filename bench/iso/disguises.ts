import type { Program, Tensor } from '../../src/ir/index.ts';
import { type Compile, quantizeProgram, type Subject } from '../../src/passes/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { ARCHITECTURES, type Architecture, partsOf, type Weights } from '../train/small-net.ts';
import { Dice } from './edit.ts';
import { SAME } from './same.ts';
import { type Original, smallProgram } from './trained.ts';

/** Channels of each step, by the group of channels that they are: what an addition joins is one group. */
const groupsOf = (net: Architecture): readonly number[] => {
  const groups: number[] = [];
  net.forEach((s, i) => {
    if (s.kind === 'conv' || s.kind === 'dense') groups.push(i);
    else groups.push(at(groups, s.from));
    if (s.kind !== 'add') return;
    const [own, other] = [at(groups, s.from), at(groups, s.other)];
    groups.forEach((g, k) => {
      if (g === own) groups[k] = other;
    });
  });
  return groups;
};

/** The same function: hidden channels in another order, and multiplied by factors from 1/3 to 3. */
export const shuffled = (
  net: Architecture,
  weights: Weights,
  seed: number,
  { permute, scale }: { readonly permute: boolean; readonly scale: boolean },
): Weights => {
  const { parts } = partsOf(net);
  const groups = groupsOf(net);
  const last = at(groups, net.length - 1);
  const dice = new Dice(seed);
  const channels = new Map<number, { readonly order: readonly number[]; readonly factor: readonly number[] }>();
  net.forEach((s, i) => {
    const g = at(groups, i);
    if ((s.kind !== 'conv' && s.kind !== 'dense') || channels.has(g)) return;
    const free = g !== last;
    const order = permute && free ? dice.shuffled(s.outputs) : Array.from({ length: s.outputs }, (_, c) => c);
    channels.set(g, { order, factor: order.map(() => (scale && free ? 3 ** ((2 * dice.below(1001)) / 1000 - 1) : 1)) });
  });
  const result = weights.slice();
  net.forEach((s, i) => {
    const part = parts[i];
    if (part === undefined || (s.kind !== 'conv' && s.kind !== 'dense')) return;
    const own = channels.get(at(groups, i));
    const input = s.from < 0 ? undefined : channels.get(at(groups, s.from));
    const per = part.row / (input?.order.length ?? 1);
    for (let o = 0; o < part.outputs; o++) {
      const [to, k] = [own?.order[o] ?? o, own?.factor[o] ?? 1];
      for (let r = 0; r < part.row; r++) {
        const c = Math.floor(r / per);
        const column = input === undefined ? r : at(input.order, c) * per + (r % per);
        result[part.weights + to * part.row + column] = ((weights[part.weights + o * part.row + r] ?? 0) * k) / (input?.factor[c] ?? 1);
      }
      result[part.biases + to] = (weights[part.biases + o] ?? 0) * k;
    }
  });
  return result;
};

/** The smallest weights of each layer are 0. */
export const pruned = (net: Architecture, weights: Weights, share: number): Weights => {
  const result = weights.slice();
  for (const p of partsOf(net).parts) {
    if (p === undefined) continue;
    const own = result.subarray(p.weights, p.biases);
    const sizes = Float32Array.from(own, Math.abs).sort();
    const least = sizes[Math.floor(share * sizes.length)] ?? 0;
    own.forEach((v, i) => {
      if (Math.abs(v) < least) own[i] = 0;
    });
  }
  return result;
};

interface Tools {
  readonly compile: Compile;
  readonly samples: readonly Tensor[];
}

/** A model whose ports hold real numbers. */
export const subjectOf = (program: Program): Subject => ({ program, inputs: [], outputs: [] });

const quantized = (float: Program, { compile, samples }: Tools): Subject =>
  unwrap(quantizeProgram(float, { compile, samples: samples.map((t) => [t]) }));

/** Small changes of a program that keep what it computes, one after the other; those that find no place are left out. */
const rewritten = (program: Program, ...mutations: readonly string[]): Program =>
  mutations.reduce((p, m, i) => SAME[m]?.(p, new Dice(i + 3)) ?? p, program);

/** The disguises of issue 8, alone and together. */
export const DISGUISES: Readonly<Record<string, (original: Original, tools: Tools) => Subject>> = {
  'renamed and reordered': ({ name, weights }) => subjectOf(rewritten(smallProgram(name, weights), 'rename', 'reorder')),
  'batch norms unfolded': ({ name, weights }) =>
    subjectOf(rewritten(smallProgram(name, weights), 'unfolded batch norm', 'unfolded batch norm', 'bias apart')),
  permuted: ({ name, weights }) =>
    subjectOf(smallProgram(name, shuffled(ARCHITECTURES[name], weights, 5, { permute: true, scale: false }))),
  scaled: ({ name, weights }) => subjectOf(smallProgram(name, shuffled(ARCHITECTURES[name], weights, 6, { permute: false, scale: true }))),
  'INT8 package': ({ name, weights }, tools) => quantized(smallProgram(name, weights), tools),
  'trained on': ({ name, tuned }) => subjectOf(smallProgram(name, tuned)),
  'trained on another task': ({ name, retrained }) => subjectOf(smallProgram(name, retrained)),
  'pruned by 50 %': ({ name, weights }) => subjectOf(smallProgram(name, pruned(ARCHITECTURES[name], weights, 0.5))),
  'pruned by 80 %': ({ name, weights }) => subjectOf(smallProgram(name, pruned(ARCHITECTURES[name], weights, 0.8))),
  'pruned by 90 %': ({ name, weights }) => subjectOf(smallProgram(name, pruned(ARCHITECTURES[name], weights, 0.9))),
  'permuted, scaled, INT8': ({ name, weights }, tools) =>
    quantized(smallProgram(name, shuffled(ARCHITECTURES[name], weights, 7, { permute: true, scale: true })), tools),
  'trained on, permuted, scaled': ({ name, tuned }) =>
    subjectOf(smallProgram(name, shuffled(ARCHITECTURES[name], tuned, 8, { permute: true, scale: true }))),
  'trained on, pruned by 50 %, permuted, scaled, batch norms unfolded, renamed, INT8': ({ name, tuned }, tools) => {
    const net = ARCHITECTURES[name];
    const hidden = shuffled(net, pruned(net, tuned, 0.5), 9, { permute: true, scale: true });
    return quantized(rewritten(smallProgram(name, hidden), 'unfolded batch norm', 'rename', 'reorder'), tools);
  },
};
