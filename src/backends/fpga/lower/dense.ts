import { elementCount, type OpNode, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Slot } from '../../cpu/simd/index.ts';
import { blocksOf, LANES } from '../array/config.ts';
import type { Task } from '../array/task.ts';
import { productSum } from '../array/accumulators.ts';
import { type Facts, fitsSums, isEmpty, isNarrowRescale, MOST_SIZE, sumOfWeights } from './facts.ts';
import { finishOf } from './finish.ts';
import { BEAT } from './homes.ts';
import { importsOf, type Layer, type Recognize } from './layer.ts';
import { packDot } from './weights.ts';

/** Fields of products of matrices, which are convs of one position. */
const POINTWISE = {
  mode: 'dot',
  inputStep: 0,
  kernel: [1, 1],
  stride: [1, 1],
  dilation: [1, 1],
  begin: [0, 0],
  pad: 0,
} as const satisfies Partial<Task>;

/** Whether the array does a dense layer, whatever its operands are made by. */
export const isArrayDense = (facts: Facts, node: OpNode<'dense'>): boolean => {
  const [x, w, bias] = [at(node.operands, 0), at(node.operands, 1), node.operands[2]];
  const [tx, tw] = [facts.type(x), facts.type(w)];
  const fused = facts.fused(node);
  if (facts.isConstant(x) || tx.dtype !== 'i8' || facts.data(w) === undefined || isEmpty(tx) || isEmpty(tw)) return false;
  if (bias !== undefined && facts.data(bias) === undefined) return false;
  if (!facts.fitsWeights(w) || !fitsSums(facts, sumOfWeights(facts, w))) return false;
  return (fused === undefined || isNarrowRescale(facts, fused)) && elementCount(tx.shape.slice(0, -1)) <= MOST_SIZE;
};

export const recognizeDense: Recognize<OpNode<'dense'>> = (desk, node): Layer | undefined => {
  const { ctx, facts } = desk;
  const [x, w, bias] = [at(node.operands, 0), at(node.operands, 1), node.operands[2]];
  const tw = facts.type(w);
  const fused = facts.fused(node);
  if (!isArrayDense(facts, node)) return undefined;
  const operand = desk.matrix(x);
  if (operand === undefined) return undefined;
  const [outputs, inputs] = [at(tw.shape, 0), at(tw.shape, 1)];
  const result = at((fused ?? node).results, 0);
  const { images, height, width } = operand.home;
  const home = desk.result(result, 'matrix', { images, height, width, channels: outputs });
  const tasks = (): readonly Task[] => [
    {
      ...POINTWISE,
      ...finishOf(ctx, facts, fused, bias, outputs),
      input: operand.home.view,
      output: home.view,
      inputImage: 0,
      outputImage: 0,
      images,
      firstRow: 0,
      rowCount: height,
      mostSum: sumOfWeights(facts, w),
      inputs: blocksOf(inputs),
      outputBlocks: blocksOf(outputs),
      weights: {
        slot: ctx.table(packDot({ data: facts.data(w)?.data ?? [], outputs, inputs, taps: 1 })),
        offset: 0,
        entries: blocksOf(inputs),
      },
    },
  ];
  return { node, imports: importsOf(operand), results: new Map([[result, home]]), tasks };
};

/** Batches of a product whose operands have the same ones, or the second none. */
const batchesOf = (facts: Facts, a: ValueId, b: ValueId): { readonly count: number; readonly shared: boolean } | undefined => {
  const [ba, bb] = [facts.type(a).shape.slice(0, -2), facts.type(b).shape.slice(0, -2)];
  const count = ba.reduce((n, d) => n * d, 1);
  if (bb.every((d) => d === 1) && bb.length <= ba.length) return { count, shared: true };
  return ba.length === bb.length && ba.every((d, i) => d === bb[i]) ? { count, shared: false } : undefined;
};

/** Entries of a column of blocks have to fit, since a product of activations is not cut along its inputs. */
export const isArrayMatmul = (facts: Facts, node: OpNode<'matmul'>, weightEntries: number): boolean => {
  const [a, b] = [at(node.operands, 0), at(node.operands, 1)];
  const [ta, tb] = [facts.type(a), facts.type(b)];
  const fused = facts.fused(node);
  if (ta.dtype !== 'i8' || tb.dtype !== 'i8' || isEmpty(ta) || isEmpty(tb) || facts.isConstant(a) || facts.isConstant(b)) return false;
  if (!facts.fitsWeights(b) || !fitsSums(facts, productSum(at(ta.shape, ta.shape.length - 1), facts.config.bits))) return false;
  if (node.attrs.a_zero !== 0 || node.attrs.b_zero !== 0 || batchesOf(facts, a, b) === undefined) return false;
  if (fused !== undefined && !(isNarrowRescale(facts, fused) && facts.type(at(fused.operands, 1)).shape[0] === 1)) return false;
  const [rows, inputs] = [at(ta.shape, ta.shape.length - 2), at(ta.shape, ta.shape.length - 1)];
  const worthIt = rows * inputs * at(tb.shape, tb.shape.length - 1) >= 2 ** 12;
  return worthIt && rows <= MOST_SIZE && blocksOf(inputs) <= weightEntries / 2;
};

/** A product of two activations: the second is loaded into the memory of weights, its rows turned around. */
export const recognizeMatmul: Recognize<OpNode<'matmul'>> = (desk, node): Layer | undefined => {
  const { ctx, facts } = desk;
  const [a, b] = [at(node.operands, 0), at(node.operands, 1)];
  const batches = batchesOf(facts, a, b);
  if (!isArrayMatmul(facts, node, desk.config.weightEntries) || batches === undefined) return undefined;
  const [left, right] = [desk.matrix(a), desk.matrix(b)];
  if (left === undefined || right === undefined) return undefined;
  const [inputs, outputs] = [left.home.channels, right.home.channels];
  const rows = left.home.height / batches.count;
  const result = at((facts.fused(node) ?? node).results, 0);
  const home = desk.result(result, 'matrix', { images: 1, height: left.home.height, width: 1, channels: outputs });
  const tasks = (): readonly Task[] => {
    const zeros: Slot = ctx.table(new Uint8Array(LANES));
    const finish = finishOf(ctx, facts, facts.fused(node), undefined, outputs);
    const { buffer, first } = right.home.view;
    return Array.from({ length: batches.count }, (_, n): Task => {
      const offset = (batches.shared ? 0 : n * inputs * buffer.pitch * BEAT) + first * BEAT;
      return {
        ...POINTWISE,
        ...finish,
        input: left.home.view,
        output: home.view,
        inputImage: 0,
        outputImage: 0,
        images: 1,
        firstRow: n * rows,
        rowCount: rows,
        mostSum: productSum(inputs, facts.config.bits),
        inputs: blocksOf(inputs),
        outputBlocks: blocksOf(outputs),
        weights: {
          slot: buffer.slot,
          offset,
          entries: blocksOf(inputs),
          rows: { count: inputs, pitch: buffer.pitch * BEAT, zeros, buffer },
        },
      };
    });
  };
  return { node, imports: importsOf(left, right), results: new Map([[result, home]]), tasks };
};
