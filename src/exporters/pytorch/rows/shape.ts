import { type AnyNode, type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { type Code, joinCode, py, type Step } from '../../outline/code.ts';
import { float, tuple } from '../../outline/python-names.ts';
import { identity, type Layouts, type Writer } from '../../outline/writer.ts';
import { padOrder, sizes } from '../text.ts';

/** Sizes of a result as code: a symbol is read off the operand that has it. */
export const resultSizes = (w: Writer, result = 0): readonly Code[] =>
  w.resultType(result).shape.map((d) => {
    if (typeof d === 'number') return [String(d)];
    const operand = w.node.operands.findIndex((_, i) => w.type(i).shape.includes(d));
    if (operand < 0) throw new UnsupportedError(`dimension ${d} is in no operand`);
    return w.size(operand, w.type(operand).shape.indexOf(d));
  });

const reshape = (c: Layouts, node: AnyNode): Step => {
  const w = c.writer(node);
  const from = w.type(0).shape;
  const to = w.resultType().shape;
  const same = (a: unknown, b: unknown): boolean => a === b;
  // everything but the batch in one dimension
  if (to.length === 2 && from.length > 2 && same(from[0], to[0]))
    return w.step(py`torch.flatten(${w.elements(0)}, 1)`, { module: 'nn.Flatten()' });
  return w.step(py`torch.reshape(${w.elements(0)}, ${sizes(resultSizes(w))})`);
};

/** The step of an axis in the stored order of dimensions; the result is stored alike. */
const alongAxis = (c: Layouts, node: AnyNode, axis: number, write: (x: Code, axis: number, w: Writer) => Code): Step => {
  const w = c.writer(node);
  const x = w.stored(0);
  node.results.forEach((_, i) => w.store(w.perm(0), i));
  return w.step(write(x, w.axis(0, axis), w));
};

const pad = (w: Writer, x: Code, pads: readonly number[], mode: string, value: string): Code => {
  const rank = w.rank(0);
  if (mode === 'constant') return py`F.pad(${x}, ${tuple(trimmed(padOrder(pads)))}${value === '0' ? '' : `, value=${value}`})`;
  // the other modes pad the last dimensions of batches of channels
  const first = pads.findIndex((p, i) => i < rank && (p !== 0 || pads[rank + i] !== 0));
  const spatial = rank - Math.max(first, 0);
  if (first < 0) return x;
  if (spatial > 3 || w.type(0).dtype !== 'f32' || (rank - 2 !== spatial && rank - 2 > 3))
    throw new UnsupportedError(`PyTorch pads by ${mode} up to 3 dimensions of floats`);
  const names = { reflect: 'reflect', edge: 'replicate' } as const;
  // as many dimensions as stand behind batch and channels, with one put before them where there are too few
  const wanted = pads.length / 2 - spatial < 2 ? 2 - (rank - spatial) : 0;
  const used = padOrder(pads).slice(0, 2 * spatial);
  const call = (inner: Code): Code => py`F.pad(${inner}, ${tuple(used)}, mode="${names[mode as 'reflect' | 'edge']}")`;
  return wanted > 0 ? py`${call(py`${x}[${'None, '.repeat(wanted).slice(0, -2)}]`)}${'[0]'.repeat(wanted)}` : call(x);
};

/** Pads of leading dimensions that are 0 are left out. */
const trimmed = (pads: readonly number[]): readonly number[] => {
  let end = pads.length;
  while (end > 2 && pads[end - 1] === 0 && pads[end - 2] === 0) end -= 2;
  return pads.slice(0, end);
};

const gatherRow = (c: Layouts, node: AnyNode, axis: number): Step => {
  const w = c.writer(node);
  const rank = w.rank(0);
  const at = axis < 0 ? axis + rank : axis;
  const last = Number(w.type(0).shape[at]) - 1;
  const known = w.tensor(1);
  const x = w.x(0, undefined, 'table');
  const before = ':, '.repeat(at);
  if (known?.shape.length === 0) {
    const index = Math.min(Math.max(known.data[0] ?? 0, 0), last);
    return w.step(py`${x}[${before}${index}]`);
  }
  const inside = known !== undefined && [...known.data].every((v) => v >= 0 && v <= last);
  const index = w.x(1, undefined, 'index');
  return w.step(py`${x}[${before}${inside ? index : py`torch.clamp(${index}, 0, ${last})`}.long()]`);
};

const sliceText = (start: number, size: number, step: number): string => {
  if (size === -1) return ':';
  const end = start + (size - 1) * step + 1;
  return step === 1 ? `${start}:${start + size}` : `${start}:${end}:${step}`;
};

export const shapeRows = {
  reshape: (c, n) => reshape(c, n),
  flatten: (c, n) => reshape(c, n),
  squeeze: (c, n) => reshape(c, n),
  unsqueeze: (c, n) => {
    const w = c.writer(n);
    const rank = w.resultType().shape.length;
    const [axis = 0] = n.attrs.axes;
    if (n.attrs.axes.length === 1) return w.step(py`torch.unsqueeze(${w.x(0)}, ${axis < 0 ? axis + rank : axis})`);
    return w.step(py`torch.reshape(${w.elements(0)}, ${sizes(resultSizes(w))})`);
  },
  transpose: (c, n) => {
    const w = c.writer(n);
    // stored as the operand is: dimension i of it is dimension perm(0)[i] of the operand, which the result has elsewhere
    w.store(w.perm(0).map((d) => n.attrs.perm.indexOf(d)));
    const [result] = n.results;
    const value = w.value(0);
    if (result !== undefined && w.tensor(0) === undefined) c.alias(result, value);
    return w.step(w.stored(0));
  },
  concat: (c, n) => {
    const w = c.writer(n);
    const first = n.operands.findIndex((_, i) => w.tensor(i) === undefined);
    const perm = first < 0 ? identity(w.rank(0)) : w.perm(first);
    const rank = w.rank(0);
    const axis = perm.indexOf(n.attrs.axis < 0 ? n.attrs.axis + rank : n.attrs.axis);
    w.store(perm);
    const parts = n.operands.map((_, i) => w.x(i, perm));
    return w.step(py`torch.cat([${joinCode(parts, ', ')}], dim=${axis})`);
  },
  stack: (c, n) => {
    const w = c.writer(n);
    return w.step(
      py`torch.stack([${joinCode(
        n.operands.map((_, i) => w.x(i)),
        ', ',
      )}], dim=${n.attrs.axis})`,
    );
  },
  split: (c, n) =>
    alongAxis(
      c,
      n,
      n.attrs.axis,
      (x, axis) => py`torch.split(${x}, [${n.attrs.sizes.join(', ')}], dim=${axis})${n.attrs.sizes.length === 1 ? '[0]' : ''}`,
    ),
  pad: (c, n) => {
    const w = c.writer(n);
    const { dtype } = w.type(0);
    const perm = w.perm(0);
    const rank = perm.length;
    const pads = [...perm.map((d) => n.attrs.pads[d] ?? 0), ...perm.map((d) => n.attrs.pads[rank + d] ?? 0)];
    const { value } = n.attrs;
    const x = w.stored(0);
    w.store(perm);
    return w.step(pad(w, x, pads, n.attrs.mode, value === 0 ? '0' : dtype === 'f32' ? float(value) : String(value)));
  },
  slice: (c, n) => {
    const w = c.writer(n);
    const { starts, sizes: counts, steps } = n.attrs;
    const perm = w.perm(0);
    const x = w.stored(0);
    w.store(perm);
    // PyTorch has no negative steps: what is read backwards is read forwards, then turned around
    const backwards: number[] = [];
    const texts = perm.map((d, i) => {
      const [start = 0, size = -1, step = 1] = [starts[d], counts[d], steps[d]];
      if (size === w.type(0).shape[d] && start === 0 && step === 1) return ':';
      if (step >= 0 || size <= 0) return sliceText(start, size === 0 ? 0 : size, size === 0 ? 1 : step);
      backwards.push(i);
      return sliceText(start + (size - 1) * step, size, -step);
    });
    const all = texts.every((t) => t === ':');
    let kept = texts.length;
    while (kept > 1 && texts[kept - 1] === ':') kept--;
    const cut = all ? x : py`${x}[${texts.slice(0, kept).join(', ')}]`;
    return w.step(backwards.length === 0 ? cut : py`torch.flip(${cut}, ${tuple(backwards)})`);
  },
  expand: (c, n) => {
    const w = c.writer(n);
    return w.step(py`torch.broadcast_to(${w.x(0)}, ${sizes(resultSizes(w))})`);
  },
  tile: (c, n) => {
    const w = c.writer(n);
    return w.step(py`torch.tile(${w.x(0)}, ${tuple(n.attrs.repeats)})`);
  },
  repeat: (c, n) => alongAxis(c, n, n.attrs.axis, (x, axis) => py`torch.repeat_interleave(${x}, ${n.attrs.repeats}, dim=${axis})`),
  flip: (c, n) => {
    const w = c.writer(n);
    return w.step(py`torch.flip(${w.x(0)}, ${tuple(n.attrs.axes)})`);
  },
  gather: (c, n) => gatherRow(c, n, n.attrs.axis),
  depth_to_space: (c, n) => {
    const w = c.writer(n);
    const { block, mode } = n.attrs;
    const [, channels = 1, height = 1, width = 1] = w.sizesBehindBatch(0);
    if (mode === 'CRD') return w.step(py`F.pixel_shuffle(${w.x(0)}, ${block})`, { module: `nn.PixelShuffle(${block})` });
    const inner = channels / (block * block);
    const batch = w.size(0, 0);
    return w.step(
      py`${w.x(0)}.reshape(${batch}, ${block}, ${block}, ${inner}, ${height}, ${width}).permute(0, 3, 4, 1, 5, 2).reshape(${batch}, ${inner}, ${height * block}, ${width * block})`,
    );
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;
