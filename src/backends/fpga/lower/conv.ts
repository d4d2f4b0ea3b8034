import type { OpNode, ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { geometryOf } from '../../cpu/simd/geometry.ts';
import { residualOf, RESIDUAL_OPERAND } from '../../plan/index.ts';
import { type ArrayConfig, blocksOf, LANES } from '../array/config.ts';
import { narrowed, type Task } from '../array/task.ts';
import { type Facts, fitsSums, isEmpty, isNarrowRescale, MOST_KERNEL, MOST_SIZE, sumOfWeights } from './facts.ts';
import { finishOf, residualAddition } from './finish.ts';
import { lineTasks, weightsAt } from './lines.ts';
import { imageSizes, type Sizes } from './homes.ts';
import { importsOf, type Layer, type Recognize } from './layer.ts';
import { type ConvWeights, type LineWindow, linePhases, packDepthwise, packDiagonal, packDot } from './weights.ts';

type Pair = readonly [number, number];

/** A conv of two dimensions over signed bytes. */
interface ConvShape {
  readonly input: Sizes;
  readonly output: Sizes;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly begin: Pair;
  readonly groups: number;
  readonly inGroup: number;
  readonly outGroup: number;
}

/** How groups are put on lanes. */
type Form = 'one' | 'depthwise' | 'diagonal' | 'blocks';

const formOf = ({ groups, inGroup, outGroup }: ConvShape): Form | undefined => {
  if (groups === 1) return 'one';
  if (inGroup === 1 && outGroup === 1) return 'depthwise';
  if (inGroup === outGroup && LANES % inGroup === 0) return 'diagonal';
  return inGroup % LANES === 0 && outGroup % LANES === 0 ? 'blocks' : undefined;
};

const shapeOf = (facts: Facts, node: OpNode<'conv'>): ConvShape | undefined => {
  const [tx, tw, ty] = [facts.type(at(node.operands, 0)), facts.type(at(node.operands, 1)), facts.type(at(node.results, 0))];
  const [input, output] = [imageSizes(tx), imageSizes(ty)];
  if (input === undefined || output === undefined) return undefined;
  const g = geometryOf(tx.shape.slice(2), ty.shape.slice(2), tw.shape.slice(2), node.attrs);
  const pair = (t: readonly [number, number, number]): Pair => [t[1], t[2]];
  return {
    input,
    output,
    kernel: pair(g.kernel),
    stride: pair(g.stride),
    dilation: pair(g.dilation),
    begin: pair(g.begin),
    groups: node.attrs.groups,
    inGroup: at(tw.shape, 1),
    outGroup: at(tw.shape, 0) / node.attrs.groups,
  };
};

const fits = ({ input, kernel, stride, dilation, begin }: ConvShape): boolean =>
  [...kernel, ...stride, ...dilation].every((n) => n <= MOST_KERNEL) && [input.height, input.width, ...begin].every((n) => n <= MOST_SIZE);

const taps = ({ kernel }: ConvShape): number => kernel[0] * kernel[1];
/** Taps of which two pieces of one input block fit, with a result and an addend behind them. */
const mostTaps = ({ scratchBeats, weightEntries }: ArrayConfig): number => Math.min(weightEntries, Math.floor(scratchBeats / 2) - 8);

/** Whether the array does a conv, whatever its operands are made by; a fused rescale has to be one that the array has. */
export const isArrayConv = (facts: Facts, node: OpNode<'conv'>, config: ArrayConfig): boolean => {
  const [x, w, bias] = node.operands;
  if (x === undefined || w === undefined || facts.isConstant(x) || facts.type(x).dtype !== 'i8' || facts.data(w) === undefined)
    return false;
  if (bias !== undefined && facts.data(bias) === undefined) return false;
  if ([facts.type(x), facts.type(w), facts.type(at(node.results, 0))].some(isEmpty)) return false;
  if (!facts.fitsWeights(w) || !fitsSums(facts, sumOfWeights(facts, w))) return false;
  const fused = facts.fused(node);
  const shape = shapeOf(facts, node);
  if (shape === undefined || taps(shape) > mostTaps(config)) return false;
  return fits(shape) && formOf(shape) !== undefined && (fused === undefined || isNarrowRescale(facts, fused));
};

/** Most channels of images whose rows are read as they lie. */
const FEW_CHANNELS = 4;
/** Entries of a block's weights in all phases, at most: a conv of many phases has more taps than one of padded channels. */
const linesOf = (s: ConvShape, last: boolean, config: ArrayConfig): LineWindow | undefined => {
  if (s.groups !== 1 || s.input.channels > FEW_CHANNELS) return undefined;
  const window = {
    pixel: last ? s.input.channels : 1,
    kernel: s.kernel,
    stride: s.stride[1],
    dilation: s.dilation[1],
    begin: s.begin[1],
  };
  const { phases, step } = linePhases(window, last ? 1 : s.input.channels);
  const entries = phases.reduce((n, p) => n + p.entries, 0);
  const fit = entries <= config.weightEntries && step <= MOST_KERNEL && phases.every(({ kernel }) => kernel <= MOST_KERNEL);
  const rowBeats = Math.ceil((s.input.width * window.pixel) / LANES) * (last ? 1 : s.input.channels);
  // a tile of one output row has to fit
  const tile = Math.min(((s.kernel[0] - 1) * s.dilation[0] + 1) * rowBeats, s.input.height * rowBeats) + s.output.width * 5;
  return fit && tile <= config.scratchBeats ? window : undefined;
};

/** The value that a permutation to channels first was made from, which lies channels last. */
export const channelsLastOf = (facts: Facts, x: ValueId): ValueId | undefined => {
  const maker = facts.maker(x);
  if (maker?.op !== 'transpose') return undefined;
  const { perm } = maker.attrs as OpNode<'transpose'>['attrs'];
  const rank = perm.length;
  const isLast = rank > 2 && perm.every((p, i) => p === (i === 0 ? 0 : i === 1 ? rank - 1 : i - 1));
  return isLast ? maker.operands[0] : undefined;
};

const packed = (form: Form, w: ConvWeights): Uint8Array => {
  switch (form) {
    case 'one':
    case 'blocks':
      return packDot(w);
    case 'depthwise':
      return packDepthwise(w);
    case 'diagonal':
      return packDiagonal(w);
    default:
      return form satisfies never;
  }
};

export const recognizeConv: Recognize<OpNode<'conv'>> = (desk, node): Layer | undefined => {
  const { ctx, facts } = desk;
  if (!isArrayConv(facts, node, desk.config)) return undefined;
  const shape = shapeOf(facts, node);
  const form = shape === undefined ? undefined : formOf(shape);
  if (shape === undefined || form === undefined) return undefined;
  const [x, w, bias, other] = [at(node.operands, 0), at(node.operands, 1), node.operands[2], node.operands[RESIDUAL_OPERAND]];
  const fused = facts.fused(node);
  const last = channelsLastOf(facts, x) !== undefined;
  const planes = last ? 1 : shape.input.channels;
  const lines = desk.made(x, 'image') === undefined ? linesOf(shape, last, desk.config) : undefined;
  const operand = lines === undefined ? desk.image(x) : desk.lines(x, node.attrs.pad_value);
  const addend = residualOf(fused) === undefined || other === undefined ? undefined : desk.image(other);
  if (operand === undefined || (other !== undefined && addend === undefined)) return undefined;
  const result = at((fused ?? node).results, 0);
  const home = desk.result(result, 'image', shape.output);
  const { inGroup, outGroup, groups, kernel } = shape;
  const tasks = (): readonly Task[] => {
    const outputs = groups * outGroup;
    const weightsOf: ConvWeights = { data: facts.data(w)?.data ?? [], outputs, inputs: inGroup, taps: taps(shape) };
    const addition = residualAddition(fused, addend?.home.view);
    const byChannel = form === 'depthwise' || form === 'diagonal';
    const plain: Task = {
      mode: form === 'depthwise' ? 'depthwise' : 'dot',
      ...finishOf(ctx, facts, fused, bias, outputs),
      input: operand.home.view,
      output: home.view,
      inputImage: 0,
      outputImage: 0,
      images: shape.input.images,
      firstRow: 0,
      rowCount: shape.output.height,
      inputs: byChannel ? 1 : blocksOf(inGroup),
      inputStep: byChannel ? 1 : 0,
      outputBlocks: blocksOf(outputs),
      kernel,
      stride: shape.stride,
      dilation: shape.dilation,
      begin: shape.begin,
      pad: node.attrs.pad_value,
      mostSum: sumOfWeights(facts, w),
      ...(addition === undefined ? {} : { addition }),
    };
    if (lines !== undefined) return lineTasks(ctx, { task: plain, weights: weightsOf, window: lines, planes });
    const task: Task = { ...plain, weights: weightsAt(ctx, packed(form, weightsOf), plain.outputBlocks) };
    if (form !== 'blocks') return [task];
    const [inBlocks, outBlocks] = [inGroup / LANES, outGroup / LANES];
    return Array.from({ length: groups }, (_, g): Task => {
      const part = narrowed(task, g * outBlocks, outBlocks);
      return { ...part, input: { ...task.input, first: task.input.first + g * inBlocks, beats: inBlocks } };
    });
  };
  return { node, imports: importsOf(operand, addend), results: new Map([[result, home]]), tasks };
};
