import { at } from '../../support/index.ts';
import { matchRows } from '../isomorphism/rows.ts';
import type { Anatomy } from './anatomy.ts';
import { assign } from './assignment.ts';
import type { ScaledLayer } from './canonical.ts';
import { Features } from './features.ts';
import type { LayerPair } from './pairing.ts';

/** One network, its layers in the scale of their rows. */
export interface Net {
  readonly anatomy: Anatomy;
  readonly layers: readonly ScaledLayer[];
}

/** Which channel of B each channel of A is, for the layers of one pair; -1 where it has none. */
export interface PairMaps {
  readonly a: ScaledLayer;
  readonly b: ScaledLayer;
  readonly rows: Int32Array;
  readonly inputs: Int32Array;
}

/** How clearly channels of a group found their counterparts. */
export interface GroupFit {
  readonly size: number;
  /** Mean over channels: how many standard deviations the counterpart's cosine lies above those of the others. */
  readonly deviations: number;
  /** Share of channels whose counterpart is the nearest of all, seen from both sides. */
  readonly mutual: number;
}

export interface Alignment {
  readonly pairs: readonly PairMaps[];
  readonly groups: readonly GroupFit[];
  /** Channels that stand at another place in B. */
  readonly moved: number;
  readonly channels: number;
}

/** Channels that stand at the same places of the network, so that any of them could be any other. */
interface Group {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly fixed: boolean;
  order: Int32Array | undefined;
}

/** Where the channels of a group stand in a layer. */
interface Slot {
  readonly pair: number;
  readonly side: 'rows' | 'inputs';
}

/** The places of each channel in `ids`, by the number that stands for it. */
const placesOf = (ids: Int32Array, find: (i: number) => number): ReadonlyMap<number, number[]> => {
  const places = new Map<number, number[]>();
  ids.forEach((id, i) => {
    const root = find(id);
    const list = places.get(root);
    if (list === undefined) places.set(root, [i]);
    else list.push(i);
  });
  return places;
};

type Places = ReadonlyMap<number, readonly number[]>;

interface PairPlaces {
  readonly rows: readonly [Places, Places];
  readonly inputs: readonly [Places, Places];
}

const MAX_SWEEPS = 5;
/** Rows of length 1 that differ less than this in every place are the same row: found in one pass over the weights. */
const SAME_ROW = 1 / 4096;

class Aligner {
  private readonly a: Net;
  private readonly b: Net;
  private readonly pairs: readonly LayerPair[];
  private readonly places: readonly PairPlaces[];
  private readonly groups: Group[] = [];
  private readonly slots = new Map<Group, Slot[]>();
  /** Channels of A by the number that stands for them; the channel of B. */
  private readonly map = new Map<number, number>();
  private readonly fits = new Map<Group, GroupFit>();

  constructor(a: Net, b: Net, pairs: readonly LayerPair[]) {
    this.a = a;
    this.b = b;
    this.pairs = pairs;
    const [findA, findB] = [a, b].map(
      (n) =>
        (i: number): number =>
          n.anatomy.orders.find(i),
    ) as [(i: number) => number, (i: number) => number];
    this.places = pairs.map(([i, j]) => {
      const [la, lb] = [at(a.layers, i), at(b.layers, j)];
      return {
        rows: [placesOf(la.out.order, findA), placesOf(lb.out.order, findB)],
        inputs: [placesOf(la.into.order, findA), placesOf(lb.into.order, findB)],
      };
    });
    this.formGroups();
  }

  /** Channels of one side by the places where they stand, which is all that tells groups apart. */
  private signatures(side: 0 | 1): ReadonlyMap<number, string> {
    const net = side === 0 ? this.a : this.b;
    const signatures = new Map<number, string>();
    const note = (root: number, text: string): void => void signatures.set(root, `${signatures.get(root) ?? ''}${text}`);
    this.pairs.forEach((pair, p) => {
      const layer = at(net.layers, at(pair, side));
      const { rows, inputs } = at(this.places, p);
      const perGroup = layer.rows / layer.groups;
      const grouped = layer.groups > 1 && layer.perGroup > 1;
      for (const [root, where] of rows[side]) note(root, `${p}r${grouped ? Math.floor(at(where, 0) / perGroup) : ''};`);
      for (const [root, where] of inputs[side])
        note(root, `${p}i${where.length}${grouped ? `g${Math.floor(at(where, 0) / layer.perGroup)}` : ''};`);
    });
    return signatures;
  }

  /** Channels without a group, by the layer that makes them: in networks that differ around them. */
  private byProducer(): readonly Group[] {
    const grouped = [0, 1].map((side) => new Set(this.groups.flatMap((g) => (side === 0 ? g.a : g.b)))) as [Set<number>, Set<number>];
    return this.places.flatMap(({ rows }): readonly Group[] => {
      const [a, b] = ([0, 1] as const).map((side) => [...rows[side].keys()].filter((root) => !at(grouped, side).has(root)));
      if (a === undefined || b === undefined || a.length === 0 || b.length === 0) return [];
      for (const root of a) grouped[0].add(root);
      for (const root of b) grouped[1].add(root);
      const fixed = [this.a, this.b].every(({ anatomy }, side) => (side === 0 ? a : b).some((root) => anatomy.fixed.has(root)));
      return [{ a, b, fixed, order: undefined }];
    });
  }

  private formGroups(): void {
    const group = (side: 0 | 1): ReadonlyMap<string, number[]> => {
      const { fixed } = (side === 0 ? this.a : this.b).anatomy;
      const groups = new Map<string, number[]>();
      for (const [root, text] of this.signatures(side)) {
        const key = `${fixed.has(root) ? 'fixed ' : ''}${text}`;
        const list = groups.get(key);
        if (list === undefined) groups.set(key, [root]);
        else list.push(root);
      }
      return groups;
    };
    const [ga, gb] = [group(0), group(1)];
    for (const [key, a] of ga) {
      // where one of the networks lets the outside see the order, both keep it
      const b = gb.get(key) ?? gb.get(key.startsWith('fixed ') ? key.slice(6) : `fixed ${key}`);
      if (b === undefined) continue;
      const fixed = key.startsWith('fixed ') || !gb.has(key);
      this.groups.push({ a, b, fixed, order: undefined });
    }
    this.groups.push(...this.byProducer());
    const byRoot = new Map<number, Group>();
    for (const g of this.groups) {
      for (const r of g.a) byRoot.set(r, g);
      if (g.fixed)
        this.settle(
          g,
          Int32Array.from(g.a, (_, i) => (i < g.b.length ? i : -1)),
        );
    }
    this.places.forEach(({ rows, inputs }, pair) => {
      for (const [side, [places]] of [['rows', rows] as const, ['inputs', inputs] as const]) {
        const seen = new Set<Group>();
        for (const root of places.keys()) {
          const g = byRoot.get(root);
          if (g === undefined || seen.has(g)) continue;
          seen.add(g);
          this.slots.set(g, [...(this.slots.get(g) ?? []), { pair, side }]);
        }
      }
    });
  }

  private settle(g: Group, order: Int32Array): void {
    g.order = order;
    g.a.forEach((root, i) => {
      const j = at(order, i);
      if (j >= 0) this.map.set(root, at(g.b, j));
      else this.map.delete(root);
    });
  }

  /** The counterpart in B of each place of a layer. */
  private mapped(pair: number, side: 'rows' | 'inputs'): Int32Array {
    const [i, j] = at(this.pairs, pair);
    const ids = side === 'rows' ? at(this.a.layers, i).out.order : at(this.a.layers, i).into.order;
    const [, others] = at(this.places, pair)[side];
    const taken = new Map<number, number>();
    const { groups, perGroup } = at(this.b.layers, j);
    const result = Int32Array.from(ids, (id) => {
      const root = this.a.anatomy.orders.find(id);
      const to = this.map.get(root);
      const where = to === undefined ? undefined : others.get(to);
      const k = taken.get(root) ?? 0;
      taken.set(root, k + 1);
      return where?.[k] ?? -1;
    });
    if (side === 'rows' || groups === 1) return result;
    // a row only has the channels of its own group
    const own = at(this.a.layers, i).perGroup;
    return result.map((to, from) => (Math.floor(to / perGroup) === Math.floor(from / own) || perGroup === 1 ? to : -1));
  }

  /** How alike channels of a group are, as far as the places given tell: f32[a, b], cosines. */
  private likeness(g: Group, slots: readonly Slot[]): Features | undefined {
    const features = new Features(g.a.length, g.b.length);
    for (const { pair, side } of slots) {
      const [i, j] = at(this.pairs, pair);
      const [la, lb] = [at(this.a.layers, i), at(this.b.layers, j)];
      const [pa, pb] = at(this.places, pair)[side];
      const [placesA, placesB] = [g.a.map((r) => pa.get(r) ?? []), g.b.map((r) => pb.get(r) ?? [])];
      const depthwise = la.perGroup === 1 && lb.perGroup === 1 && la.groups === la.rows && lb.groups === lb.rows;
      if (side === 'rows') {
        // the channels that go in are those that come out, so that only the taps are compared
        const inputs = depthwise ? undefined : this.mapped(pair, 'inputs');
        features.rows(la, lb, placesA, placesB, inputs);
      } else if (!depthwise) features.columns(la, lb, placesA, placesB, this.mapped(pair, 'rows'));
    }
    return features.isEmpty ? undefined : features;
  }

  private improve(g: Group, slots: readonly Slot[]): boolean {
    const features = this.likeness(g, slots);
    if (features === undefined) {
      if (g.order !== undefined) return false;
      this.settle(
        g,
        Int32Array.from(g.a, (_, i) => (i < g.b.length ? i : -1)),
      );
      return true;
    }
    const { rowsA, rowsB } = features;
    const exact = matchRows(rowsA, rowsB, SAME_ROW);
    const order = exact?.order ?? assign(features.cosines(), g.a.length, g.b.length);
    const before = g.order;
    if (before !== undefined && order.every((o, i) => o === before[i])) return false;
    this.settle(g, order);
    return true;
  }

  /** How clear the order of a group is. */
  private fit(g: Group): void {
    const features = this.likeness(g, this.slots.get(g) ?? []);
    if (features === undefined || g.order === undefined || g.a.length < 3 || g.b.length < 3) return;
    const cosines = features.cosines();
    const width = g.b.length;
    const best = new Int32Array(width).fill(-1);
    for (let i = 0; i < g.a.length; i++)
      for (let j = 0; j < width; j++)
        if (at(best, j) < 0 || (cosines[i * width + j] ?? 0) > (cosines[at(best, j) * width + j] ?? 0)) best[j] = i;
    let [deviations, mutual, counted] = [0, 0, 0];
    for (let i = 0; i < g.a.length; i++) {
      const j = at(g.order, i);
      if (j < 0) continue;
      const row = cosines.subarray(i * width, (i + 1) * width);
      let [sum, squares, top] = [0, 0, 0];
      for (let k = 0; k < width; k++) {
        const c = row[k] ?? 0;
        if (c > (row[top] ?? 0)) top = k;
        if (k === j) continue;
        sum += c;
        squares += c * c;
      }
      const mean = sum / (width - 1);
      const spread = Math.sqrt(Math.max(1e-12, squares / (width - 1) - mean * mean));
      deviations += ((row[j] ?? 0) - mean) / Math.max(spread, 1e-3);
      if (top === j && best[j] === i) mutual++;
      counted++;
    }
    if (counted > 0) this.fits.set(g, { size: g.a.length, deviations: deviations / counted, mutual: mutual / counted });
  }

  run(): Alignment {
    const groupOf = new Map<number, Group>();
    for (const g of this.groups) for (const r of g.a) groupOf.set(r, g);
    // from the inputs on: the order of a layer's rows shows once that of its inputs is known
    this.pairs.forEach((_, pair) => {
      for (const root of at(this.places, pair).rows[0].keys()) {
        const g = groupOf.get(root);
        if (g !== undefined && g.order === undefined) this.improve(g, [{ pair, side: 'rows' }]);
      }
    });
    const free = this.groups.filter((g) => !g.fixed);
    for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
      const changed = free.filter((g) => this.improve(g, this.slots.get(g) ?? []));
      if (changed.length === 0) break;
    }
    for (const g of this.groups) this.fit(g);
    const moved = this.groups.reduce((n, g) => n + (g.order?.reduce((m, o, i) => m + Number(o !== i), 0) ?? 0), 0);
    return {
      pairs: this.pairs.map(([i, j], pair) => ({
        a: at(this.a.layers, i),
        b: at(this.b.layers, j),
        rows: this.mapped(pair, 'rows'),
        inputs: this.mapped(pair, 'inputs'),
      })),
      groups: [...this.fits.values()],
      moved,
      channels: this.groups.reduce((n, g) => n + g.a.length, 0),
    };
  }
}

/**
 * Finds the channels of B that are those of A, over all layers together: where a group of channels is used by several layers, all of them
 * count. Rows that are the same are found at once; others by assignment, group by group until nothing changes (Ainsworth et al. 2023, "Git Re-Basin").
 */
export const alignNets = (a: Net, b: Net, pairs: readonly LayerPair[]): Alignment => new Aligner(a, b, pairs).run();
