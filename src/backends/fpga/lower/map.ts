import { type OpNode, sameShape, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Slot } from '../../cpu/simd/index.ts';
import { axisOf } from '../../cpu/simd/lower/common.ts';
import { byteSum } from '../array/accumulators.ts';
import { blocksOf, LANES } from '../array/config.ts';
import type { Addition, Task } from '../array/task.ts';
import { isEmpty } from './facts.ts';
import { additionOf, BYTES } from './finish.ts';
import { Home, imageSizes, isAlike } from './homes.ts';
import { type Desk, importsOf, type Layer, type Operand, type Recognize } from './layer.ts';

/** A copy, on the way of which a table or another tensor may take part. */
const copyTask = (from: Home, to: Home, more: { readonly addition?: Addition; readonly table?: Slot } = {}): Task => ({
  mode: 'max',
  ...BYTES,
  input: from.view,
  output: to.view,
  inputImage: 0,
  outputImage: 0,
  images: from.images,
  firstRow: 0,
  rowCount: from.height,
  inputs: 1,
  inputStep: 1,
  outputBlocks: blocksOf(from.channels),
  kernel: [1, 1],
  stride: [1, 1],
  dilation: [1, 1],
  begin: [0, 0],
  pad: 0,
  mostSum: byteSum(1),
  ...more,
});

const KINDS = ['image', 'matrix'] as const;

const madeOf = (desk: Desk, value: ValueId): Home | undefined => KINDS.map((kind) => desk.made(value, kind)).find((h) => h !== undefined);

export const recognizeTable: Recognize<OpNode<'table'>> = (desk, node) => {
  const { facts, ctx } = desk;
  const [x, t, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const table = facts.data(t);
  const from = madeOf(desk, x);
  if (from === undefined || facts.type(x).dtype !== 'i8' || table?.dtype !== 'i8' || !sameShape(table.shape, [256])) return undefined;
  const home = desk.result(y, from.kind, from);
  return {
    node,
    imports: [],
    results: new Map([[y, home]]),
    tasks: () => {
      // the array finds the entry of x at x & 255
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => table.data[(i + 128) & 255] ?? 0);
      return [copyTask(from, home, { table: ctx.table(bytes) })];
    },
  };
};

export const recognizeAdd: Recognize<OpNode<'add_rescale'>> = (desk, node): Layer | undefined => {
  const { facts } = desk;
  const [a, b] = node.operands;
  const y = at(node.results, 0);
  const { shape } = facts.type(y);
  const isPlain = (v: ValueId): boolean => facts.type(v).dtype === 'i8' && sameShape(facts.type(v).shape, shape) && !facts.isConstant(v);
  if (a === undefined || b === undefined || node.operands.length !== 2 || isEmpty({ shape }) || !isPlain(a) || !isPlain(b))
    return undefined;
  const made = madeOf(desk, a) ?? madeOf(desk, b);
  if (made === undefined) return undefined;
  const operand = (v: ValueId): Operand | undefined => (made.kind === 'image' ? desk.image(v) : desk.matrix(v));
  const [left, right] = [operand(a), operand(b)];
  if (left === undefined || right === undefined || !isAlike(left.home, right.home)) return undefined;
  const home = desk.result(y, made.kind, left.home);
  return {
    node,
    imports: importsOf(left, right),
    results: new Map([[y, home]]),
    tasks: () => [copyTask(left.home, home, { addition: additionOf(node, 0, right.home.view) })],
  };
};

/** Channels of images that the array made: parts are moved to where they are in the whole, or copied where they have a place already. */
export const recognizeConcat: Recognize<OpNode<'concat'>> = (desk, node): Layer | undefined => {
  const { facts } = desk;
  const y = at(node.results, 0);
  const type = facts.type(y);
  const sizes = imageSizes(type);
  if (sizes === undefined || type.dtype !== 'i8' || axisOf(node.attrs.axis, type.shape.length) !== 1 || isEmpty(type)) return undefined;
  const homes = node.operands.map((v) => desk.made(v, 'image'));
  const whole = (h: Home | undefined, i: number): boolean => h !== undefined && (h.channels % LANES === 0 || i === homes.length - 1);
  if (!homes.every(whole)) return undefined;
  const home = desk.result(y, 'image', sizes);
  let first = 0;
  const copies: (readonly [from: Home, to: Home])[] = [];
  for (const part of homes) {
    if (part === undefined) continue;
    if (part.isPart) {
      const to = new Home('image', part, false, () => home.view.buffer.slot);
      to.moveInto(home, first);
      copies.push([part, to]);
    } else part.moveInto(home, first);
    first += blocksOf(part.channels);
  }
  return { node, imports: [], results: new Map([[y, home]]), tasks: () => copies.map(([from, to]) => copyTask(from, to)) };
};
