import {
  type AnyAttrs,
  type AnyNode,
  elementCount,
  isStaticShape,
  opOf,
  type Program,
  ProgramBuilder,
  type Tensor,
  typeOf,
  type ValueId,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { isPermutation, permuted, sameColumns, swapAttrs, turnedConstant, turnedFlat } from './turned.ts';

/** How the input of B, a picture [N, C, H, W], is seen as that of A; the same for the whole network. */
export interface PictureView {
  /** H and W are swapped. */
  readonly turned: boolean;
  /** Channel c of A is channel channels[c] of B; absent where they are in one order. */
  readonly channels?: readonly number[];
}

/** A model rewritten for inputs that are seen through a view, which computes what the model does on the inputs as they are. */
export interface Seen {
  readonly view: PictureView;
  readonly program: Program;
  readonly original: Program;
  /** Indices of the outputs whose H and W are swapped too. */
  readonly turnedOutputs: ReadonlySet<number>;
}

/** How a value of the rewritten model relates to that of the model; undefined where they are the same. */
type State =
  | { readonly kind: 'picture'; readonly turned: boolean; readonly channels: readonly number[] | undefined }
  /** Column j is column order[j] of the model: a flattened picture. */
  | { readonly kind: 'columns'; readonly order: Int32Array }
  | undefined;

type Picture = Extract<State, { readonly kind: 'picture' }>;

/** What stands for a node; undefined where a rule for its op is missing. */
interface Step {
  readonly params?: ReadonlyMap<number, Tensor>;
  readonly attrs?: AnyAttrs;
  readonly state: State;
}

/** Ops over a window, or everything, of a plane. */
const PLANAR: ReadonlySet<string> = new Set(['max_pool', 'average_pool', 'global_max_pool', 'global_average_pool']);
const REDUCTIONS: ReadonlySet<string> = new Set(['reduce_mean', 'reduce_sum', 'reduce_max', 'reduce_min']);

/** Ops whose operands are spread to one shape. */
const SPREAD: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'div', 'pow', 'minimum', 'maximum', 'prelu']);

/** Each element of the result depends on the elements of the operands at the same place. */
export const isElementwise = ({ op, operands, attrs }: AnyNode): boolean =>
  SPREAD.has(op) || (operands.length === 1 && opOf(op).traits.pointwise === true && !Object.values(attrs).some(Array.isArray));

const PLAIN_PICTURE: Picture = { kind: 'picture', turned: true, channels: undefined };

class Rewriting {
  private readonly program: Program;
  private readonly params: ReadonlyMap<ValueId, Tensor>;
  readonly states = new Map<ValueId, State>();

  constructor(program: Program) {
    this.program = program;
    this.params = new Map(program.params.map((p) => [p.value, p.tensor]));
  }

  shape(value: ValueId): readonly number[] {
    return typeOf(this.program, value).shape as readonly number[];
  }

  /** The state of a value among pictures; one pixel looks alike from every side. */
  private picture(value: ValueId | undefined): Picture | undefined {
    if (value === undefined) return undefined;
    const state = this.states.get(value);
    if (state !== undefined) return state.kind === 'picture' ? state : undefined;
    const [, , h, w, more] = this.shape(value);
    return h === 1 && w === 1 && more === undefined ? PLAIN_PICTURE : undefined;
  }

  private elementwise(node: AnyNode): Step | undefined {
    const values = node.operands.filter((v) => !this.params.has(v));
    const constants = [...node.operands.entries()].flatMap(([i, v]) => {
      const tensor = this.params.get(v);
      return tensor === undefined ? [] : [[i, tensor] as const];
    });
    const first = values.map((v) => this.states.get(v)).find((s) => s !== undefined);
    const rank = this.shape(at(node.results, 0)).length;
    if (first?.kind === 'columns') {
      const alike = values.every((v) => sameColumns(this.states.get(v), first));
      if (!alike || constants.some(([, t]) => t.shape.length > 2 || (t.shape.length === 2 && t.shape[0] !== 1))) return undefined;
      const params = constants.map(
        ([i, t]) => [i, elementCount(t.shape) === 1 ? t : permuted(t, t.shape, (k) => at(first.order, k))] as const,
      );
      return { params: new Map(params), state: first };
    }
    const pictures = values.map((v) => this.picture(v));
    const state = pictures.find((p) => p?.channels !== undefined) ?? pictures[0];
    if (state === undefined || rank !== 4) return undefined;
    if (!pictures.every((p) => p !== undefined && p.channels === state.channels && p.turned === state.turned)) return undefined;
    return { params: new Map(constants.map(([i, t]) => [i, turnedConstant(t, state)] as const)), state };
  }

  private layer(node: AnyNode): Step | undefined {
    const [x, w] = node.operands;
    const weights = w === undefined ? undefined : this.params.get(w);
    if (x === undefined || weights === undefined || node.operands.slice(2).some((v) => !this.params.has(v))) return undefined;
    const state = this.states.get(x);
    if (node.op === 'conv') {
      const picture = this.picture(x);
      if (picture === undefined || weights.shape.length !== 4) return undefined;
      if (picture.channels !== undefined && node.attrs['groups'] !== 1) return undefined;
      const params = new Map([[1, turnedConstant(weights, picture)]]);
      return { params, attrs: picture.turned ? swapAttrs(node.attrs) : node.attrs, state: { ...picture, channels: undefined } };
    }
    if (state?.kind !== 'columns' || weights.shape.length !== 2) return undefined;
    const [rows = 0, columns = 0] = weights.shape;
    const { order } = state;
    const source =
      node.op === 'dense'
        ? (i: number): number => Math.floor(i / columns) * columns + at(order, i % columns)
        : (i: number): number => at(order, Math.floor(i / columns)) * columns + (i % columns);
    if (order.length !== (node.op === 'dense' ? columns : rows)) return undefined;
    return { params: new Map([[1, permuted(weights, weights.shape, source)]]), state: undefined };
  }

  private overAxes(node: AnyNode, picture: Picture): Step | undefined {
    const { axis } = node.attrs as { readonly axis?: number };
    if (axis !== undefined) {
      const own = axis < 0 ? axis + 4 : axis;
      const joined = node.op === 'concat';
      if (joined && !node.operands.every((v) => this.picture(v)?.turned === picture.turned && this.picture(v)?.channels === undefined))
        return undefined;
      return { attrs: { ...node.attrs, axis: own >= 2 && picture.turned ? 5 - own : own }, state: picture };
    }
    const { axes, keep } = node.attrs as { readonly axes: readonly number[]; readonly keep: boolean };
    const own = axes.map((k) => (k < 0 ? k + 4 : k));
    // what remains has to look alike from every side
    if (!own.includes(2) || !own.includes(3) || (picture.channels !== undefined && !own.includes(1))) return undefined;
    return { state: keep ? { ...picture, channels: undefined } : undefined };
  }

  private flattened(node: AnyNode, picture: Picture): Step | undefined {
    const [batch = 0, channels = 0, h = 0, w = 0] = this.shape(at(node.operands, 0));
    const [rows, columns, more] = this.shape(at(node.results, 0));
    if (rows !== batch || columns !== channels * h * w || more !== undefined) return undefined;
    return { state: { kind: 'columns', order: turnedFlat(channels, h, w, picture) } };
  }

  step(node: AnyNode): Step | undefined {
    if (node.operands.every((v) => this.states.get(v) === undefined)) return { state: undefined };
    if (node.op === 'conv' || node.op === 'dense' || node.op === 'matmul') return this.layer(node);
    if (isElementwise(node)) return this.elementwise(node);
    const picture = this.picture(node.operands[0]);
    if (picture === undefined || node.operands.slice(1).some((v) => node.op !== 'concat' && !this.params.has(v))) return undefined;
    if (PLANAR.has(node.op)) return { attrs: picture.turned ? swapAttrs(node.attrs) : node.attrs, state: picture };
    if (node.op === 'pad') {
      const { pads } = node.attrs as { readonly pads: readonly number[] };
      const apart = picture.channels !== undefined && (pads[1] !== 0 || pads[5] !== 0);
      return apart ? undefined : { attrs: picture.turned ? swapAttrs(node.attrs) : node.attrs, state: picture };
    }
    if (node.op === 'batch_norm') return picture.channels === undefined ? { state: picture } : undefined;
    if (node.op === 'concat' || node.op === 'softmax' || node.op === 'log_softmax' || REDUCTIONS.has(node.op)) {
      return this.overAxes(node, picture);
    }
    return node.op === 'flatten' || node.op === 'reshape' ? this.flattened(node, picture) : undefined;
  }

  /** One pixel in one order of channels is what it was. */
  settled(state: State, value: ValueId): State {
    if (state?.kind !== 'picture' || state.channels !== undefined) return state;
    const [, , h, w] = this.shape(value);
    return !state.turned || (h === 1 && w === 1) ? undefined : state;
  }
}

const sameTensor = (s: Tensor, t: Tensor): boolean =>
  s === t || (s.shape.join() === t.shape.join() && s.data.every((x, i) => Object.is(x, t.data[i])));

/** The model for inputs that are seen through the view; undefined where the view does not fit, or passes an op without a rule for it. */
export const seenThrough = (program: Program, view: PictureView): Seen | undefined => {
  const [port] = program.inputs;
  if (port === undefined || program.inputs.length !== 1) return undefined;
  const { dtype, shape } = typeOf(program, port.value);
  if (shape.length !== 4 || !program.types.every((t) => isStaticShape(t.shape))) return undefined;
  const [n = 1, c = 1, h = 1, w = 1] = shape;
  if (view.channels !== undefined && !isPermutation(view.channels, Number(c))) return undefined;
  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>([
    [port.value, builder.input(port.name, { dtype, shape: view.turned ? [n, c, w, h] : [n, c, h, w] })],
  ]);
  const rewriting = new Rewriting(program);
  rewriting.states.set(port.value, rewriting.settled({ kind: 'picture', turned: view.turned, channels: view.channels }, port.value));
  const names = new Map(program.params.map((p) => [p.value, p]));
  const used = new Map<ValueId, { readonly tensor: Tensor; readonly value: ValueId }[]>();
  const operand = (v: ValueId, other: Tensor | undefined): ValueId => {
    const param = names.get(v);
    if (param === undefined) return map.get(v) ?? v;
    const tensor = other ?? param.tensor;
    const made = used.get(v) ?? [];
    // parameters that are shared and seen alike stay one
    const known = made.find((m) => sameTensor(m.tensor, tensor));
    if (known !== undefined) return known.value;
    const value = builder.param(param.name, tensor);
    used.set(v, [...made, { tensor, value }]);
    return value;
  };
  for (const node of program.nodes as readonly AnyNode[]) {
    const step = rewriting.step(node);
    if (step === undefined) return undefined;
    const operands = node.operands.map((v, i) => operand(v, step.params?.get(i)));
    const emitted = builder.tryEmit(node.op, operands, step.attrs ?? node.attrs, node.origin);
    if (!emitted.ok) return undefined;
    node.results.forEach((r, i) => {
      map.set(r, at(emitted.value, i));
      rewriting.states.set(r, rewriting.settled(step.state, r));
    });
  }
  const turnedOutputs = new Set<number>();
  for (const [i, { name, value }] of program.outputs.entries()) {
    const state = rewriting.states.get(value);
    if (state !== undefined && (state.kind !== 'picture' || state.channels !== undefined)) return undefined;
    if (state !== undefined) turnedOutputs.add(i);
    builder.output(name, operand(value, undefined));
  }
  return { view, program: builder.finish(), original: program, turnedOutputs };
};

/** The view in words. */
export const describeView = ({ turned, channels }: PictureView): string => {
  const reversed = channels?.every((c, i) => c === channels.length - 1 - i) === true;
  const order = channels === undefined ? [] : [reversed ? 'its channels reversed' : `its channels in the order ${channels.join(', ')}`];
  return [...(turned ? ['H and W swapped'] : []), ...order].join(' and ');
};
