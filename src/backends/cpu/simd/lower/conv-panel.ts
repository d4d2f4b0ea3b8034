import type { ValueId } from '../../../../ir/index.ts';
import type { Context, Slot } from '../context.ts';
import { isPointwise, naturalRows, pointwiseRows, type Rows } from '../geometry.ts';
import { TILE_CHANNELS, TILE_PIXELS } from '../kernels/gemm.ts';
import { roundUp } from './accumulate.ts';
import { bytesOf } from './common.ts';
import type { Plan } from './conv-plan.ts';

/** Bytes of panel that one block of output pixels may take: stays in the second-level cache beside the results. */
const PANEL_BUDGET = 256 * 1024;
/**
 * Panel rows that one sweep over the tiles uses. A tile has 32 bytes per row and takes 16 bytes of weights: this many stay in a
 * first-level cache of 32 KiB. Longer sums continue from partial results in memory, in the same order.
 */
export const SWEEP_ROWS = 512;
/** Bytes of a row of a tile in the panel. */
export const TILE_ROW_BYTES = TILE_PIXELS * 4;
const LINE_BYTES = 64;

/** How the rows of a panel are made and taken. */
export interface PanelForm {
  /** Rows of the panel: pairs of inner indices, or single ones. Each takes 4 bytes a pixel and 16 bytes of weights a tile. */
  readonly rows: number;
  /** Entries of the offset table per row. */
  readonly offsetsPerRow: number;
  /** Panel rows of a sweep, at most. */
  readonly mostRows: number;
  /** Whether the packer can put the tiles of a panel apart. */
  readonly tilesApart: boolean;
}

/** Panel rows are taken in equal sweeps, of which the last may have fewer. */
export const sweepsOf = ({ rows, mostRows }: PanelForm): { readonly sweeps: number; readonly sweepRows: number } => {
  const sweeps = Math.max(1, Math.ceil(rows / mostRows));
  return { sweeps, sweepRows: Math.ceil(rows / sweeps) };
};

/** Rows of the output and how many of them share a panel. */
export interface Blocks {
  readonly rows: Rows;
  readonly perBlock: number;
  /** Bytes of the panel: from one of its rows to the next, from one tile to the next, and in all. */
  readonly rowStep: number;
  readonly tileStep: number;
  readonly panelBytes: number;
  /** Tiles of a block. */
  readonly tiles: number;
  /** Bytes in which rows of pixels are lined up, where they are no whole tiles; else 0. */
  readonly lineBytes: number;
  readonly rowTable: Slot;
}

/** An odd number of cache lines, so that what is so far apart spreads over cache sets. */
export const oddLines = (bytes: number): number => (Math.ceil(bytes / LINE_BYTES) | 1) * LINE_BYTES;

/** The rows of the output in blocks: equal ones, as many as a multiple of `parts`, if there are enough rows. */
export const blocksOf = (ctx: Context, plan: Plan, form: PanelForm, sweepRows: number, parts: number): Blocks => {
  const fit = Math.max(TILE_PIXELS, Math.floor(PANEL_BUDGET / Math.max(1, 4 * sweepRows * TILE_PIXELS)) * TILE_PIXELS);
  const even = (total: number, most: number): number => Math.ceil(total / (Math.ceil(total / (most * parts)) * parts));
  const pointwise = isPointwise(plan.geometry);
  const rows = pointwise ? pointwiseRows(plan.geometry, roundUp(even(plan.positions, fit), TILE_PIXELS)) : naturalRows(plan.geometry);
  const perBlock = pointwise ? 1 : even(rows.starts.length, Math.max(1, Math.floor(fit / rows.width)));
  const pixels = roundUp(perBlock * rows.width, TILE_PIXELS);
  const rowTable = ctx.table(Int32Array.from(rows.starts, (s) => s * plan.elementBytes));
  const shape = { rows, perBlock, rowTable, tiles: pixels / TILE_PIXELS };
  if (form.tilesApart) {
    const tileStep = oddLines(sweepRows * TILE_ROW_BYTES);
    const lineBytes = perBlock > 1 && rows.width % TILE_PIXELS !== 0 ? pixels * 4 + TILE_ROW_BYTES : 0;
    return { ...shape, rowStep: TILE_ROW_BYTES, tileStep, panelBytes: shape.tiles * tileStep, lineBytes };
  }
  const rowStep = oddLines(pixels * 4);
  return { ...shape, rowStep, tileStep: TILE_ROW_BYTES, panelBytes: sweepRows * rowStep + LINE_BYTES, lineBytes: 0 };
};

/**
 * Packs the weights of each group, sweep by sweep: tiles of a sweep follow each other, so that they stream well.
 * @param packer - packw or packwf, whose further arguments are `extra`
 */
export const packGroups = (ctx: Context, plan: Plan, w: ValueId, form: PanelForm, packer: string, extra: readonly number[]): Slot => {
  const { inner, outGroup, groups } = plan;
  const elementBytes = bytesOf(ctx.type(w));
  const { sweepRows } = sweepsOf(form);
  const [tiles, stretch] = [Math.ceil(outGroup / TILE_CHANNELS), Math.max(1, sweepRows * form.offsetsPerRow)];
  return ctx.packed([w], groups * tiles * form.rows * 16, (f, [from], to) => {
    const { i32 } = f.ops;
    const [target, source] = [f.i32(to.address), f.i32(from?.address ?? 0)];
    f.for(0, groups, 1, () => {
      f.for(0, inner, stretch, (k) => {
        const left = f.i32(i32.sub(inner, k));
        const taken = f.i32(f.select(i32.gt_u(left, stretch), stretch, left));
        f.do(f.call(packer, [target, i32.add(source, i32.mul(k, elementBytes)), outGroup, taken, inner, ...extra]));
        f.inc(target, tiles * sweepRows * 16);
      });
      // the last sweep may have had fewer rows
      f.inc(target, tiles * (form.rows - Math.ceil(inner / stretch) * sweepRows) * 16);
      f.inc(source, outGroup * inner * elementBytes);
    });
  });
};
