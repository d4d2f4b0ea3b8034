import { at } from '../../../support/index.ts';
import { type Device, FAMILIES, type FamilyName } from '../devices/index.ts';
import type { Folded, Folding } from './fold.ts';
import { bitLength, finishFormat } from './roms.ts';
import type { Layer, Pipeline, Stage } from './stages.ts';
import type { Timing } from './timing.ts';

/** Estimates of what stages take; memories are blocks of the family. */
export interface Need {
  readonly dsps: number;
  readonly logic: number;
  readonly memories: number;
}

/** Memories of up to so many words, or bits, stay in LUTs: of 64 words, four LUTs for three bits. */
const LUT_DEPTH = 64;
const SMALL_BITS = 1536;
const LUTS_PER_BIT = 4 / 3;
// Figures of yosys 0.23 for xc7, rounded up.
/** LUTs of a layer without its products and memories: window, counters, credit, queue. */
const LAYER_LOGIC = 290;
const REQUANT_LOGIC = 180;
const ADD_LOGIC = 100;
const SOFTMAX_LOGIC = 450;
/** Part of a device that is planned with: the rest is for the maker's tool and the user. */
export const USABLE = 0.8;

/**
 * Blocks for words of `bits`: the best of the widths a block can have, widest first, halves down to one bit. A block of Xilinx is two
 * halves that serve different memories.
 */
const blocks = (bits: number, depth: number, family: FamilyName): number => {
  const { memoryBits, vendor } = FAMILIES[family];
  const [part, widest] = vendor === 'amd' ? [0.5, 36] : [1, 40];
  let best = Number.POSITIVE_INFINITY;
  for (let width = widest; width >= 1; width /= 2)
    best = Math.min(best, Math.ceil(bits / width) * Math.ceil((depth * width) / (memoryBits * part)));
  return best * part;
};

const memory = (bits: number, depth: number, family: FamilyName): Need => {
  const small = depth <= LUT_DEPTH || bits * depth <= SMALL_BITS;
  return {
    dsps: 0,
    logic: small ? bits * Math.ceil(depth / LUT_DEPTH) * LUTS_PER_BIT : 0,
    memories: small ? 0 : blocks(bits, depth, family),
  };
};

const sum = (needs: readonly Need[]): Need =>
  needs.reduce((a, b) => ({ dsps: a.dsps + b.dsps, logic: a.logic + b.logic, memories: a.memories + b.memories }), {
    dsps: 0,
    logic: 0,
    memories: 0,
  });

const layerNeed = (l: Layer, f: Folding, timing: Timing, i: number, family: FamilyName): Need => {
  const { multiplierBits, stepBits } = finishFormat(l.finish);
  const products = l.kind === 'dot' ? f.pe * f.simd : l.kind === 'depthwise' ? f.pe : 0;
  const perProduct = FAMILIES[family].dspPerProduct8;
  const parts = multiplierBits > 17 ? 4 : 2;
  const rescales = l.finish.mode === 'rescale' ? f.lanes : 0;
  const lanes = l.kind === 'mean' ? 1 : f.lanes;
  const sets = l.finish.mode === 'none' ? 0 : l.finish.sets.length / lanes;
  return sum([
    memory(8 * f.simd, (at(timing.rings, i) * l.c) / f.simd, family),
    memory(l.weightBits * products, products === 0 ? 0 : f.folds * f.fold, family),
    memory(lanes * (32 + multiplierBits + stepBits), sets, family),
    memory(8 * f.lanes, at(timing.queues, i), family),
    {
      dsps: products * perProduct + rescales * (perProduct < 1 ? parts / 2 : parts),
      logic:
        LAYER_LOGIC +
        rescales * REQUANT_LOGIC +
        f.pe * l.sumBits * 2 +
        (l.kind === 'dot' ? (products - f.pe) * (16 + bitLength(f.simd)) : 0),
      memories: 0,
    },
  ]);
};

export const stageNeed = (s: Stage, f: Folding, timing: Timing, i: number, family: FamilyName): Need => {
  switch (s.stage) {
    case 'layer':
      return layerNeed(s, f, timing, i, family);
    case 'table':
      return { dsps: 0, logic: 40, memories: f.lanes * blocks(8, s.table.length, family) };
    case 'add':
      return sum([
        { dsps: 4 * f.lanes * FAMILIES[family].dspPerProduct8, logic: ADD_LOGIC * f.lanes, memories: 0 },
        ...at(timing.balances, i).map((depth) => memory(8 * f.lanes, depth, family)),
      ]);
    case 'softmax':
      return { dsps: 3, logic: SOFTMAX_LOGIC, memories: blocks(17, 256, family) };
    default:
      return s satisfies never;
  }
};

export const pipelineNeed = (pipeline: Pipeline, { foldings }: Folded, timing: Timing, family: FamilyName): Need =>
  sum(pipeline.stages.map((s, i) => stageNeed(s, at(foldings, i), timing, i, family)));

/** What a device lacks, as text with both numbers; undefined when the pipeline fits the part of it that is planned with. */
export const lacks = (need: Need, device: Device): string | undefined => {
  const { logic, memory: block, dsp } = FAMILIES[device.family];
  const rows = [
    [need.dsps, device.dsps, dsp],
    [need.logic, device.logic, logic],
    [need.memories, device.memories, block],
  ] as const;
  const short = rows.filter(([needed, there]) => needed > there * USABLE);
  return short.length === 0
    ? undefined
    : short
        .map(([needed, there, what]) => `${Math.ceil(needed)} of ${there} ${what} (${USABLE * 100} % of them are planned with)`)
        .join(', ');
};
