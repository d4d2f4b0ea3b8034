import {
  type AnyNode,
  type Attrs,
  elementCount,
  paramTensors,
  type StaticType,
  type Program,
  type Tensor,
  useCounts,
  type ValueId,
} from '../../ir/index.ts';
import { at, silentProgress, unwrap } from '../../support/index.ts';
import { rewrite } from '../rewrite.ts';
import { dce } from '../transform/dce.ts';
import { calibrate, type Compile } from './calibrate.ts';
import type { Samples } from './sample-source.ts';

/** Channels are not moved further apart than this. */
const MOST = 256;

/** A value between two layers whose channels may be scaled at will: the first divides by the factors, the second multiplies. */
interface Link {
  readonly from: AnyNode;
  /** What is calibrated: the result of `from` after its relu. */
  readonly seen: ValueId;
  readonly to: AnyNode;
  /** Consecutive inputs of `to` that belong to one channel. */
  readonly inner: number;
}

/** Ops f with f(s x) = s f(x) for s > 0 that keep channels on axis 1. */
const keepsScale = (node: AnyNode, x: StaticType): boolean => {
  switch (node.op) {
    case 'relu':
    case 'leaky_relu':
    case 'max_pool':
    case 'average_pool':
      return true;
    case 'pad':
      return (node.attrs as Attrs<'pad'>).value === 0;
    case 'reduce_mean':
    case 'reduce_max':
    case 'reduce_sum':
      return (node.attrs as Attrs<'reduce_mean'>).axes.every((axis) => (axis < 0 ? axis + x.shape.length : axis) > 1);
    default:
      return false;
  }
};

/** [n, c, …] to [n, c …]: each channel becomes a run of columns. */
const flattens = (node: AnyNode, x: StaticType, y: StaticType): boolean =>
  node.op === 'reshape' && y.shape.length === 2 && y.shape[0] === x.shape[0] && elementCount(x.shape) === elementCount(y.shape);

const isLayer = (node: AnyNode): boolean => node.op === 'conv' || node.op === 'dense';

class Links {
  private readonly program: Program;
  private readonly constants: ReadonlySet<ValueId>;
  private readonly single: (value: ValueId) => boolean;
  private readonly user = new Map<ValueId, AnyNode>();

  constructor(program: Program) {
    this.program = program;
    this.constants = new Set(program.params.map((p) => p.value));
    const uses = useCounts(program);
    const outputs = new Set(program.outputs.map((o) => o.value));
    this.single = (v) => uses[v] === 1 && !outputs.has(v);
    for (const node of program.nodes as readonly AnyNode[]) for (const v of node.operands) this.user.set(v, node);
  }

  private typeOf(value: ValueId): StaticType {
    return at(this.program.types, value) as StaticType;
  }

  private weighted(node: AnyNode): boolean {
    return isLayer(node) && node.operands.slice(1).every((v) => this.constants.has(v) && this.single(v));
  }

  /** The link that starts at a layer: a chain of single uses up to another layer. */
  private linkFrom(from: AnyNode): Link | undefined {
    let value = at(from.results, 0);
    let seen = value;
    let inner = 1;
    const rank = this.typeOf(value).shape.length;
    if (!this.weighted(from) || (from.op === 'dense' && rank !== 2)) return undefined;
    for (;;) {
      const node = this.single(value) ? this.user.get(value) : undefined;
      if (node === undefined || node.operands[0] !== value) return undefined;
      if (isLayer(node)) {
        const matrix = node.op === 'conv' || this.typeOf(value).shape.length === 2;
        return this.weighted(node) && matrix ? { from, seen, to: node, inner } : undefined;
      }
      const [x, y] = [this.typeOf(value), this.typeOf(at(node.results, 0))];
      if (flattens(node, x, y)) inner *= elementCount(x.shape.slice(2));
      else if (inner !== 1 || !keepsScale(node, x)) return undefined;
      const first = value === at(from.results, 0);
      value = at(node.results, 0);
      if (first && (node.op === 'relu' || node.op === 'leaky_relu')) seen = value;
    }
  }

  find(): readonly Link[] {
    return (this.program.nodes as readonly AnyNode[]).flatMap((node) => this.linkFrom(node) ?? []);
  }
}

/** Greatest magnitude of each channel of the links' values, over samples. */
const channelMaxima = (program: Program, links: readonly Link[], samples: Samples, compile: Compile): readonly Float64Array[] => {
  const seen = calibrate(program, [], {
    samples,
    compile,
    progress: silentProgress,
    histograms: false,
    maxima: new Map(links.map((l) => [l.seen, 1])),
    nameOf: (v) => `value ${v}`,
  });
  const maxima = unwrap(seen).maxima ?? new Map<ValueId, Float64Array>();
  return links.map((l) => maxima.get(l.seen) ?? new Float64Array(0));
};

/** How far each input channel of a layer reaches in its rows, each row against its own greatest weight; 1 where a row has one input channel. */
const columnReach = ({ to, inner }: Link, w: Tensor, channels: number): Float64Array => {
  const reach = new Float64Array(channels);
  const [rows = 0, perGroup = 1, ...kernel] = w.shape;
  if (to.op === 'conv' && perGroup === 1) return reach.fill(1);
  const groups = to.op === 'conv' ? (to.attrs as Attrs<'conv'>).groups : 1;
  const taps = to.op === 'conv' ? elementCount(kernel) : inner;
  const per = rows === 0 ? 0 : w.data.length / rows;
  for (let r = 0; r < rows; r++) {
    const first = Math.floor((r * groups) / rows) * (per / taps);
    let most = 0;
    for (let i = r * per; i < (r + 1) * per; i++) most = Math.max(most, Math.abs(at(w.data, i)));
    if (most === 0) continue;
    for (let i = 0; i < per; i++) {
      const c = first + Math.floor(i / taps);
      reach[c] = Math.max(at(reach, c), Math.abs(at(w.data, r * per + i)) / most);
    }
  }
  return reach;
};

/** Factors that bring activation range a and column range w of each channel together: sqrt(a / w), or a where w does not matter. */
const factorsOf = (link: Link, maxima: Float64Array, w: Tensor): Float64Array => {
  const reach = columnReach(link, w, maxima.length);
  const depthwise = link.to.op === 'conv' && w.shape[1] === 1;
  const greatest = maxima.reduce((a, b) => Math.max(a, b), 0);
  const raw = maxima.map((a, c) => {
    const share = greatest === 0 ? 0 : a / greatest;
    if (share === 0 || reach[c] === 0) return 1;
    return depthwise ? share : Math.sqrt(share / at(reach, c));
  });
  // the greatest channel sets the range of the tensor: it stays where it was
  const top = raw.reduce((most, s, c) => Math.max(most, at(maxima, c) / s), 0);
  const unit = greatest === 0 ? 1 : top / greatest;
  return raw.map((s) => Math.min(MOST, Math.max(1 / MOST, s * unit)));
};

const divideRows = (w: Tensor, factors: Float64Array): Tensor => {
  const per = w.data.length / factors.length;
  return { ...w, data: Float32Array.from(w.data, (v: number, i: number) => v / at(factors, Math.floor(i / per))) };
};

const multiplyColumns = ({ to, inner }: Link, w: Tensor, factors: Float64Array): Tensor => {
  const [rows = 0, , ...kernel] = w.shape;
  const groups = to.op === 'conv' ? (to.attrs as Attrs<'conv'>).groups : 1;
  const taps = to.op === 'conv' ? elementCount(kernel) : inner;
  const per = w.data.length / rows;
  return {
    ...w,
    data: Float32Array.from(w.data, (v: number, i: number) => {
      const r = Math.floor(i / per);
      const first = Math.floor((r * groups) / rows) * (per / taps);
      return v * at(factors, first + Math.floor((i % per) / taps));
    }),
  };
};

export interface Equalized {
  readonly program: Program;
  /** Names of the layers whose results were scaled. */
  readonly layers: readonly string[];
}

/**
 * Cross-layer equalization: scales the channels between two layers, undone by the weights of the second, so that the
 * channels of the activation fill its one range and the rows of the second layer stay even. Nagel et al. 2019 (DFQ) for the
 * transformation; the factors weigh measured activations against weights as in SmoothQuant (Xiao et al. 2023), because
 * weights have a scale of their own for each channel here. The float result changes by rounding only.
 */
export const equalize = (program: Program, samples: Samples, compile: Compile): Equalized => {
  const links = new Links(program).find();
  if (links.length === 0) return { program, layers: [] };
  const maxima = channelMaxima(program, links, samples, compile);
  const tensors = new Map(paramTensors(program));
  links.forEach((link, l) => {
    const [w2, w1, b1] = [at(link.to.operands, 1), at(link.from.operands, 1), link.from.operands[2]];
    const second = tensors.get(w2);
    const first = tensors.get(w1);
    if (second === undefined || first === undefined) return;
    const factors = factorsOf(link, at(maxima, l), second);
    tensors.set(w1, divideRows(first, factors));
    const bias = b1 === undefined ? undefined : tensors.get(b1);
    if (b1 !== undefined && bias !== undefined) tensors.set(b1, divideRows(bias, factors));
    tensors.set(w2, multiplyColumns(link, second, factors));
  });
  const scaled = rewrite(program, (node, operands, rw) => {
    if (!isLayer(node)) return undefined;
    const changed = node.operands.map((v, i) => {
      const tensor = i === 0 ? undefined : tensors.get(v);
      return tensor === undefined ? at(operands, i) : rw.constant(tensor);
    });
    return [rw.emit(node.op as 'conv', changed, node.attrs as Attrs<'conv'>, node.origin)];
  });
  return { program: dce(scaled), layers: links.map(({ from }) => from.origin ?? from.op) };
};
