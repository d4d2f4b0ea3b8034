import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { einsumLetters } from '../../einsum-letters.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one, textOf, wholeOf } from '../../tf-row.ts';
import { withActivation } from './activation.ts';
import { flagOf, weight } from './util.ts';

/** Weights [inputs, outputs]. */
const dense = (n: LayerNode): Made => {
  n.ignore('input_dim');
  const inputs = at(n.shapeOf(0), n.rank(0) - 1);
  const outputs = wholeOf(n, 'units');
  if (outputs < 1) return n.malformed(`units is ${outputs}`);
  const w = weight(n, 'kernel', [inputs, outputs], 'weight', { perm: [1, 0], fanIn: inputs });
  const bias = flagOf(n, 'use_bias', true) ? [weight(n, 'bias', [outputs], 'shift')] : [];
  return withActivation(n, n.emit('dense', [n.real(0), w, ...bias], {}));
};

/** Rows of a table by index. */
const embedding = (n: LayerNode): Made => {
  if (flagOf(n, 'mask_zero')) return n.refuse('mask_zero is set: steps are left out by their value, which is not supported');
  const [rows, width] = [wholeOf(n, 'input_dim'), wholeOf(n, 'output_dim')];
  return n.emit('embedding', [weight(n, 'embeddings', [rows, width], 'weight', { fanIn: width }), n.as(n.x(0), 'i32')], {});
};

interface Equation {
  readonly input: string;
  readonly kernel: string;
  readonly output: string;
}

const equationOf = (n: LayerNode): Equation => {
  const [, input = '', kernel = '', output = ''] =
    /^([a-zA-Z.]+),([a-zA-Z]+)->([a-zA-Z.]+)$/.exec(textOf(n, 'equation').replaceAll(' ', '')) ?? [];
  return output === '' ? n.refuse(`the equation is ${textOf(n, 'equation')}`) : { input, kernel, output };
};

/** Letters with their sizes: of the input by its shape, of the others by `output_shape`. */
const sizesOf = (n: LayerNode, e: Equation): ReadonlyMap<string, number> => {
  const sizes = new Map<string, number>();
  const shape = n.shapeOf(0);
  const [head = '', tail] = e.input.split('...');
  const letters = head.split('').map((c, i) => [c, i] as const);
  const behind = (tail ?? '').split('').map((c, i, all) => [c, shape.length - all.length + i] as const);
  if (tail === undefined ? letters.length !== shape.length : letters.length + behind.length > shape.length)
    return n.malformed(`the equation ${e.input} does not fit an input of rank ${shape.length}`);
  for (const [c, i] of [...letters, ...behind]) sizes.set(c, at(shape, i));
  const given = n.attribute('output_shape');
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const outputs = e.output.replace('...', '');
  // the list leaves the batch out; it ends where the output ends
  outputs.split('').forEach((c, i) => {
    const size = list[list.length - outputs.length + i];
    if (!sizes.has(c) && typeof size === 'number') sizes.set(c, size);
  });
  return sizes;
};

const einsumDense = (n: LayerNode): Made => {
  const e = equationOf(n);
  const sizes = sizesOf(n, e);
  const size = (c: string): number => sizes.get(c) ?? n.malformed(`the size of ${c} in its equation is not known`);
  const shape = e.kernel.split('').map(size);
  const summed = e.kernel.split('').filter((c) => !e.output.includes(c));
  const fanIn = summed.reduce((p, c) => p * size(c), 1);
  const letters = einsumLetters(`${e.input},${e.kernel}->${e.output}`, [n.rank(0), shape.length]);
  if (letters === undefined) return n.refuse(`the equation ${e.input},${e.kernel}->${e.output}`);
  const isDense = shape.length === 2 && e.input.endsWith(e.kernel.charAt(0)) && e.output === `${e.input.slice(0, -1)}${e.kernel.charAt(1)}`;
  const y: ValueId = isDense
    ? n.emit('dense', [n.real(0), weight(n, 'kernel', shape, 'weight', { perm: [1, 0], fanIn })], {})
    : n.emit('einsum', [n.real(0), weight(n, 'kernel', shape, 'weight', { fanIn })], letters);
  const axes = n.attribute('bias_axes');
  if (typeof axes !== 'string' || axes === '') return withActivation(n, y);
  const output = e.output.replace('...', '').split('');
  const first = output.findIndex((c) => axes.includes(c));
  if (first < 0) return n.malformed(`bias_axes is ${axes}`);
  const biasShape = output.slice(first).map((c) => (axes.includes(c) ? size(c) : 1));
  return withActivation(n, n.emit('add', [y, weight(n, 'bias', biasShape, 'shift')], {}));
};

export const linear = {
  Dense: one(dense),
  EinsumDense: one(einsumDense),
  Embedding: one(embedding),
} as const satisfies LayerTable;
