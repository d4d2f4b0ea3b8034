import { type AnyNode, type Attrs, type Program, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { rewrite, type Rewriter } from '../rewrite.ts';

const MAX_PAD = 65536;

/** The pads that a constant pad adds to the spatial dimensions; undefined when it touches batch or channels. */
const spatialPads = (pads: readonly number[]): readonly number[] | undefined => {
  const rank = pads.length / 2;
  const outer = [0, 1, rank, rank + 1].some((i) => pads[i] !== 0);
  return outer ? undefined : [...pads.slice(2, rank), ...pads.slice(rank + 2)];
};

const foldInto = (node: AnyNode, operands: readonly ValueId[], rewriter: Rewriter): readonly ValueId[] | undefined => {
  if (node.op !== 'conv') return undefined;
  const pad = rewriter.producerOf(at(operands, 0));
  if (pad?.op !== 'pad') return undefined;
  const conv = node.attrs as Attrs<'conv'>;
  const { pads, mode, value } = pad.attrs as Attrs<'pad'>;
  const added = mode === 'constant' ? spatialPads(pads) : undefined;
  if (added === undefined) return undefined;
  // float and 16-bit conv read +0 outside, 8-bit conv reads pad_value: the pad must hold the same value, and so must the
  // padding that the conv already has
  const { dtype } = rewriter.typeOf(at(operands, 0));
  const zero = dtype === 'f32' || dtype === 'i16';
  const own = conv.pads.some((p) => p > 0);
  if (zero ? !Object.is(value, 0) : own && conv.pad_value !== value) return undefined;
  const sum = conv.pads.map((p, i) => p + (added[i] ?? 0));
  if (sum.some((p) => p > MAX_PAD)) return undefined;
  const attrs = { ...conv, pads: sum, pad_value: zero ? 0 : value };
  return [rewriter.emit('conv', [at(pad.operands, 0), ...operands.slice(1)], attrs, node.origin)];
};

/** conv(pad(x)) = conv with wider pads, when the pad writes what the conv reads outside its input. */
export const foldPad = (program: Program): Program => rewrite(program, foldInto);
