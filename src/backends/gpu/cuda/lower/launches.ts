import type { KernelLaunch, Slot } from '../../../cpu/simd/index.ts';
import { type Field, structure } from './structure.ts';

/** Threads of a block of kernels without shared memory. */
const BLOCK = 128;

/** A launch with another one of the same results for GPUs of compute capability 9.0, whose wgmma others lack. */
export interface GpuLaunch extends KernelLaunch {
  readonly hopper?: KernelLaunch;
}

/** A launch of one thread for each of `items`. */
export const launchOver = (
  items: number,
  header: string,
  call: (name: string) => string,
  name: string,
  fields: Readonly<Record<string, Field>>,
  more: () => string = () => '',
): KernelLaunch => ({
  body: () => call(name),
  declarations: () => [structure(name, fields, more())],
  headers: [header],
  grid: [Math.ceil(items / BLOCK), 1, 1],
  block: BLOCK,
  sharedBytes: 0,
});

const SQUARE = 64;

/** Bytes [batch][rows][columns] to [batch][columns][rows]. */
export const transposition = (
  name: string,
  from: Slot,
  to: Slot,
  { batch, rows, columns }: { readonly batch: number; readonly rows: number; readonly columns: number },
): KernelLaunch => ({
  body: () => `cxg_transpose<${name}>(e);`,
  declarations: () => [structure(name, { rows, columns, from, to })],
  headers: ['cxg_pack.cuh'],
  grid: [Math.ceil(columns / SQUARE), Math.ceil(rows / SQUARE), batch],
  block: 256,
  sharedBytes: SQUARE * (SQUARE + 4),
});
