import { type AnyNode, type Program, type Tensor, typeOf } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { compareAsGiven, type CompareOptions, type Comparison } from './compare.ts';
import { describeView, isElementwise, type PictureView, seenThrough } from './picture-view.ts';

/** How far sums of squares may be apart where weights are the same; only which views are tried depends on it. */
const NEAR = 0.01;
const near = (x: number, y: number): boolean => Math.abs(x - y) <= NEAR * Math.max(x, y);

/** The weights of the first layer that takes the input, elements alone between them; undefined when it is no convolution of one group. */
const firstKernel = (program: Program): Tensor | undefined => {
  const [port] = program.inputs;
  if (port === undefined || program.inputs.length !== 1 || typeOf(program, port.value).shape.length !== 4) return undefined;
  const reached = new Set([port.value]);
  for (const node of program.nodes as readonly AnyNode[]) {
    if (!node.operands.some((v) => reached.has(v))) continue;
    if (node.op === 'conv') {
      const tensor = program.params.find((p) => p.value === node.operands[1])?.tensor;
      return node.attrs['groups'] === 1 && tensor?.shape.length === 4 ? tensor : undefined;
    }
    if (node.op !== 'pad' && !isElementwise(node)) return undefined;
    for (const r of node.results) reached.add(r);
  }
  return undefined;
};

interface Energies {
  readonly channels: Float64Array;
  /** Of the plane, row by row. */
  readonly taps: Float64Array;
}

/** Sums of squares over the rows of weights, each as long as the others: neither the order nor the factors of the rows change them. */
const energiesOf = ({ shape, data }: Tensor): Energies => {
  const [rows = 0, channels = 0, h = 0, w = 0] = shape;
  const plane = h * w;
  const result = { channels: new Float64Array(channels), taps: new Float64Array(plane) };
  const length = channels * plane;
  for (let r = 0; r < rows; r++) {
    let size = 0;
    for (let i = r * length; i < (r + 1) * length; i++) size += at(data, i) * at(data, i);
    if (size === 0) continue;
    for (let i = 0; i < length; i++) {
      const weight = at(data, r * length + i);
      const energy = (weight * weight) / size;
      const [c, p] = [Math.floor(i / plane), i % plane];
      result.channels[c] = at(result.channels, c) + energy;
      result.taps[p] = at(result.taps, p) + energy;
    }
  }
  return result;
};

/** For each channel of A that of B that is as strong; undefined where there is none, or more than the order differs. */
const orderOf = (a: Float64Array, b: Float64Array): readonly number[] | undefined => {
  const free = new Set(b.keys());
  const order: number[] = [];
  for (const energy of a) {
    const nearest = [...free].reduce((best, c) => {
      const [d, e] = [Math.abs(at(b, c) - energy), best < 0 ? Number.POSITIVE_INFINITY : Math.abs(at(b, best) - energy)];
      return d < e ? c : best;
    }, -1);
    if (nearest < 0 || !near(at(b, nearest), energy)) return undefined;
    free.delete(nearest);
    order.push(nearest);
  }
  return order;
};

/** Views under which the first layers may be the same; few, since a whole comparison is made for each. */
const candidateViews = (a: Program, b: Program): readonly PictureView[] => {
  const [ka, kb] = [firstKernel(a), firstKernel(b)];
  if (ka === undefined || kb === undefined || ka.shape[0] !== kb.shape[0] || ka.shape[1] !== kb.shape[1]) return [];
  const [ea, eb] = [energiesOf(ka), energiesOf(kb)];
  const straight = ea.channels.every((e, c) => near(e, at(eb.channels, c)));
  const channels = straight ? undefined : orderOf(ea.channels, eb.channels);
  if (!straight && channels === undefined) return [];
  const [ha = 0, wa = 0, hb = 0, wb = 0] = [...ka.shape.slice(2), ...kb.shape.slice(2)];
  const fits = (turned: boolean): boolean =>
    (turned ? ha === wb && wa === hb : ha === hb && wa === wb) &&
    ea.taps.every((e, p) => near(e, at(eb.taps, turned ? (p % wa) * wb + Math.floor(p / wa) : p)));
  return [false, true]
    .filter((turned) => (turned || channels !== undefined) && fits(turned))
    .map((turned) => ({ turned, ...(channels === undefined ? {} : { channels }) }));
};

const SUFFIX = ', the input of B seen through a view';

/**
 * Compares two programs level by level; never throws on a program that verifies. Where weights differ as they stand, views of the
 * input of B are tried under which they are equal; a comparison that took one says so.
 */
export const comparePrograms = (a: Program, b: Program, options: CompareOptions = {}): Comparison => {
  const plain = compareAsGiven(a, b, options);
  if (plain.reached >= 3 || options.structureOnly === true || options.quantized === true) return plain;
  for (const view of candidateViews(a, b)) {
    const seen = seenThrough(b, view);
    if (seen === undefined) continue;
    const found = compareAsGiven(a, seen.program, { ...options, seen });
    if (found.reached < 3) continue;
    const words = describeView(view);
    const turned = [...seen.turnedOutputs].map((i) => `output ${at(b.outputs, i).name} of B is seen with H and W swapped`);
    const notes = [`equal when the input ${at(b.inputs, 0).name} of B is seen with ${words}`, ...turned, ...found.notes];
    const levels = found.levels.map((l) => {
      const own = plain.levels.find((p) => p.level === l.level);
      if (own !== undefined && (l.level === 0 || (l.level < 3 && own.outcome === 'proven'))) return own;
      return l.outcome === 'proven' ? { ...l, text: `${l.text}${SUFFIX}` } : l;
    });
    return { ...found, levels, notes, view };
  }
  return plain;
};
