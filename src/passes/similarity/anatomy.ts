import { elementCount } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { passesOrder } from '../isomorphism/equivariance.ts';
import type { Constant } from '../isomorphism/constant.ts';
import type { Graph, Term } from '../isomorphism/graph.ts';
import { axisMap, moveAttrs, sourceIndex } from '../isomorphism/normal/movement.ts';
import { shapeOf } from '../isomorphism/normal/shapes.ts';
import type { Twin } from './twins.ts';
import { UnionFind } from './union-find.ts';

/**
 * The channels of a value along one axis. Channels with one number in `order` stand at one place of any order that hidden channels can be put in;
 * those with one number in `scale` are multiplied by one factor when channels are scaled.
 */
interface Channels {
  readonly axis: number;
  readonly order: Int32Array;
  readonly scale: Int32Array;
}

/** A layer: a matrix of weights with a row for each output channel. */
export interface Layer {
  readonly term: Term;
  readonly rows: number;
  readonly groups: number;
  /** Input channels of a row, and weights of each. */
  readonly perGroup: number;
  readonly area: number;
  readonly constant: Constant;
  /** Weights as stored for [perGroup, rows, area] (transposed convolution) instead of [rows, perGroup, area]. */
  readonly swapped: boolean;
  /** A constant added to the result, one number a row. */
  readonly bias: Constant | undefined;
  readonly out: { readonly order: Int32Array; readonly scale: Int32Array };
  /** Of all input channels, group by group. */
  readonly into: { readonly order: Int32Array; readonly scale: Int32Array };
}

/** The layers of a network and what its channels have in common. */
export interface Anatomy {
  readonly layers: readonly Layer[];
  readonly orders: UnionFind;
  readonly scales: UnionFind;
  /** Channels whose order is known to the outside: inputs, outputs and what an op tells apart. */
  readonly fixed: ReadonlySet<number>;
}

/** Layers larger than this are left out: both networks hold their weights in memory. */
export const MAX_LAYER_ELEMENTS = 1 << 26;

const PASSING = /^(resize|upsample|space_to|depth_to|global_)/;

class Dissection {
  private readonly orders = new UnionFind();
  private readonly scales = new UnionFind();
  private readonly fixedChannels = new Set<number>();
  private readonly channels = new Map<Term, Channels>();
  private readonly layers: Layer[] = [];
  private readonly users = new Map<Term, Term[]>();
  private readonly twins: ReadonlyMap<Term, Twin>;

  constructor(twins: ReadonlyMap<Term, Twin>) {
    this.twins = twins;
  }

  private fresh(axis: number, count: number): Channels {
    return { axis, order: this.orders.fresh(count), scale: this.scales.fresh(count) };
  }

  private fix(c: Channels | undefined): void {
    for (const i of c?.order ?? []) this.fixedChannels.add(i);
  }

  /** Channels along `axis`, in the order that they have; new ones of known order where nothing is known. */
  private along(x: Term, axis: number, count: number): Channels {
    const known = this.channels.get(x);
    if (known?.axis === axis && known.order.length === count) return known;
    this.fix(known);
    const made = this.fresh(axis, count);
    this.fix(made);
    return made;
  }

  private biasOf(term: Term, rows: number): Constant | undefined {
    const sum = this.users.get(term)?.[0];
    if (sum?.op !== 'sum' || sum.operands.length !== 2) return undefined;
    const constant = sum.operands.find((o) => o.constant !== undefined)?.constant;
    return constant !== undefined && elementCount(constant.type.shape) === rows ? constant : undefined;
  }

  private layer(t: Term, constant: Constant): Channels | undefined {
    const swapped = t.op === 'conv_transpose';
    const { shape } = constant.type;
    const dense = t.op === 'dense';
    const groups = dense ? 1 : Number((t.attrs as { readonly groups?: number }).groups ?? 1);
    if (swapped && groups !== 1) return undefined;
    const [rows, perGroup] = swapped ? [shape[1] ?? 1, shape[0] ?? 1] : [shape[0] ?? 1, shape[1] ?? 1];
    const area = elementCount(shape.slice(2));
    const x = at(t.operands, 0);
    const axis = dense ? t.type.shape.length - 1 : 1;
    const input = this.along(x, dense ? x.type.shape.length - 1 : 1, perGroup * groups);
    const depthwise = perGroup === 1 && groups === rows;
    const out: Channels = depthwise ? { axis, order: input.order, scale: this.scales.fresh(rows) } : this.fresh(axis, rows);
    if (elementCount(shape) <= MAX_LAYER_ELEMENTS && elementCount(shape) > 0) {
      const bias = this.biasOf(t, rows);
      this.layers.push({ term: t, rows, groups, perGroup, area, constant, swapped, bias, out, into: input });
    }
    return out;
  }

  private joined(t: Term): Channels | undefined {
    const parts = t.operands.map((o) => this.channels.get(o));
    const axis = Number(t.attrs['axis']);
    if (parts.every((p) => p !== undefined && p.axis !== axis && p.axis === parts[0]?.axis)) return this.merged(parts as Channels[]);
    if (parts.some((p) => p !== undefined && p.axis !== axis)) {
      parts.forEach((p) => this.fix(p));
      return undefined;
    }
    const known = t.operands.map((o) => this.along(o, axis, at(shapeOf(o), axis)));
    const join = (name: 'order' | 'scale'): Int32Array => Int32Array.from(known.flatMap((k) => Array.from(k[name])));
    return { axis, order: join('order'), scale: join('scale') };
  }

  /** Values added up, element by element, have their channels in one order. */
  private merged(parts: readonly Channels[]): Channels | undefined {
    const [first, ...rest] = parts;
    if (first === undefined) return undefined;
    for (const other of rest) {
      if (other.axis !== first.axis || other.order.length !== first.order.length) {
        parts.forEach((p) => this.fix(p));
        return undefined;
      }
      first.order.forEach((o, i) => this.orders.union(o, at(other.order, i)));
      first.scale.forEach((o, i) => this.scales.union(o, at(other.scale, i)));
    }
    return first;
  }

  private pointwise(t: Term): Channels | undefined {
    const rank = t.type.shape.length;
    const parts = t.operands
      .filter((o) => o.constant === undefined)
      .map((o) => ({ o, c: this.channels.get(o), lead: rank - o.type.shape.length }));
    const known = parts.flatMap(({ o, c, lead }) => {
      if (c === undefined) return [];
      return [{ ...c, axis: c.axis + lead, size: elementCount(shapeOf(o)) }];
    });
    const axis = known[0]?.axis;
    const opaque = parts.some(({ o, c, lead }) => c === undefined && axis !== undefined && (o.type.shape[axis - lead] ?? 1) !== 1);
    if (axis === undefined || opaque || !passesOrder(t, axis)) {
      known.forEach((k) => this.fix(k));
      return undefined;
    }
    if (t.op !== 'product') return this.merged(known);
    // a gate has a scale of its own
    const [largest, ...rest] = [...known].sort((p, q) => q.size - p.size);
    return this.merged([
      ...(largest === undefined ? [] : [largest]),
      ...rest.map((r) => ({ ...r, scale: this.scales.fresh(r.scale.length) })),
    ]);
  }

  private moved(t: Term): Channels | undefined {
    const c = this.channels.get(at(t.operands, 0));
    if (c === undefined) return undefined;
    const [source, target] = [shapeOf(at(t.operands, 0)), shapeOf(t)];
    const map = axisMap(t);
    const kept = target.findIndex((_, i) => map?.axisOf(i) === c.axis);
    if (kept >= 0) return { ...c, axis: kept };
    if (target.length !== 2 || source[0] !== target[0]) {
      this.fix(c);
      return undefined;
    }
    const from = sourceIndex(moveAttrs(t));
    const [inner, size] = [elementCount(source.slice(c.axis + 1)), at(source, c.axis)];
    const channel = (i: number): number => Math.floor(from(i) / inner) % size;
    const spread = (ids: Int32Array): Int32Array => Int32Array.from({ length: at(target, 1) }, (_, i) => at(ids, channel(i)));
    return { axis: 1, order: spread(c.order), scale: spread(c.scale) };
  }

  private sliced(t: Term): Channels | undefined {
    const c = this.channels.get(at(t.operands, 0));
    if (c === undefined) return undefined;
    const { starts, steps } = t.attrs as unknown as { readonly starts: readonly number[]; readonly steps: readonly number[] };
    const [start, step, size] = [starts[c.axis] ?? 0, steps[c.axis] ?? 1, at(shapeOf(t), c.axis)];
    const cut = (ids: Int32Array): Int32Array => Int32Array.from({ length: size }, (_, i) => at(ids, start + i * step));
    return { axis: c.axis, order: cut(c.order), scale: cut(c.scale) };
  }

  private reduced(t: Term): Channels | undefined {
    const c = this.channels.get(at(t.operands, 0));
    const { axes } = t.attrs as { readonly axes: readonly number[] };
    if (c === undefined || axes.includes(c.axis)) return undefined;
    const keeps = t.type.shape.length === at(t.operands, 0).type.shape.length;
    return keeps ? c : { ...c, axis: c.axis - axes.filter((a) => a < c.axis).length };
  }

  private step(t: Term): Channels | undefined {
    const w = t.operands[1]?.constant;
    const twin = this.twins.get(t);
    const known = twin === undefined ? undefined : this.channels.get(twin.of);
    if (known !== undefined) return twin?.uniform === true ? known : { ...known, scale: this.scales.fresh(known.scale.length) };
    switch (t.op) {
      case 'input': {
        const shape = shapeOf(t);
        const made = shape.length < 2 ? undefined : this.fresh(1, at(shape, 1));
        this.fix(made);
        return made;
      }
      case 'conv':
      case 'dense':
      case 'conv_transpose':
        if (w !== undefined) return this.layer(t, w);
        break;
      case 'concat':
        return this.joined(t);
      case 'move':
        return this.moved(t);
      case 'slice':
        return this.sliced(t);
      case 'reduce_sum':
      case 'reduce_max':
      case 'reduce_mean':
        return this.reduced(t);
      default: {
        const c = this.channels.get(t.operands[0] ?? t);
        if (PASSING.test(t.op) && c?.axis === 1 && t.type.shape[1] === c.order.length) return c;
        if (t.operands.some((o) => this.channels.has(o))) return this.pointwise(t);
      }
    }
    t.operands.forEach((o) => this.fix(this.channels.get(o)));
    return undefined;
  }

  run(graph: Graph): Anatomy {
    for (const t of graph.terms) for (const o of t.operands) this.users.set(o, [...(this.users.get(o) ?? []), t]);
    for (const t of graph.terms) {
      const c = t.op === 'constant' ? undefined : this.step(t);
      if (c !== undefined) this.channels.set(t, c);
    }
    for (const { term } of graph.outputs) this.fix(this.channels.get(term));
    const fixed = new Set([...this.fixedChannels].map((i) => this.orders.find(i)));
    return { layers: this.layers, orders: this.orders, scales: this.scales, fixed };
  }
}

/**
 * The layers of a graph in normal form, and how their channels hang together.
 * @param twins - layers that are another one, see `twinLayers`
 */
export const dissect = (graph: Graph, twins: ReadonlyMap<Term, Twin>): Anatomy => new Dissection(twins).run(graph);
