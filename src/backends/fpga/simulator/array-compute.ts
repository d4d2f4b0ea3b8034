import type { Command } from '../isa/commands.ts';

/** The memories of the array. */
export interface ArrayMemories {
  readonly activations: Int8Array;
  readonly weights: Int8Array;
  /** Bias, multiplier and shift of each channel. */
  readonly bias: Int32Array;
  readonly multiplier: Int32Array;
  readonly shift: Int32Array;
  readonly tables: Int8Array;
  /** Sums that the last command left behind. */
  readonly sums: Int32Array;
}

export type Compute = Required<Extract<Command, { op: 'compute' }>>;
export type Addend = Required<Extract<Command, { op: 'addend' }>>;

/** A beat outside an on-chip memory is addressed. */
export class ChipRange extends Error {}

const LANES = 16;
const WRAP = 0xffff;
const DOT = 0;
const DEPTHWISE = 1;
const MAX = 3;
const RAW = 1;
const BYTE = 2;

const clamp = (v: number, lo: number, hi: number): number => (v < lo ? lo : v > hi ? hi : v);
/** Both terms and their sum are integers below 2^53, and 2^shift divides exactly. */
const roundedShift = (v: number, shift: number): number => Math.floor((v + 2 ** (shift - 1)) / 2 ** shift);

/** The number that `bits` low bits of a byte stand for. */
const narrowed = (v: number, bits: number): number => (bits === 8 ? v : (v << (32 - bits)) >> (32 - bits));

/** Bytes of beats from `base` on. @throws {ChipRange} */
const inside = (beat: number, beats: number, memory: Int8Array): number => {
  const at = (beat & WRAP) * LANES;
  if (at + beats * LANES > memory.length) throw new ChipRange();
  return at;
};

/** What each of the 16 lanes of a result becomes. */
class Finish {
  private readonly c: Compute;
  private readonly addend: Addend | undefined;
  private readonly m: ArrayMemories;
  constructor(c: Compute, addend: Addend | undefined, m: ArrayMemories) {
    this.c = c;
    this.addend = addend;
    this.m = m;
  }

  /** Writes the result of block b, row y, column x, given its sums. */
  write(b: number, y: number, x: number, sums: Int32Array, from: number): void {
    const { c, m, addend } = this;
    const raw = c.result === RAW;
    const to = inside(c.out_base + b * c.out_block + y * c.out_y + x * c.out_x, raw ? 4 : 1, m.activations);
    const channel = LANES * (c.parameter_base + b);
    if (c.result !== BYTE && channel + LANES > m.bias.length) throw new ChipRange();
    const other =
      c.add === 0 || addend === undefined ? -1 : inside(addend.base + b * addend.block + y * addend.y + x * addend.x, 1, m.activations);
    for (let l = 0; l < LANES; l++) {
      const sum = sums[from + l] ?? 0;
      if (raw) {
        const v = (sum + (m.bias[channel + l] ?? 0)) | 0;
        for (let k = 0; k < 4; k++) m.activations[to + 4 * l + k] = v >> (8 * k);
        continue;
      }
      let v = (sum << 24) >> 24;
      if (c.result !== BYTE) {
        const biased = (sum + (m.bias[channel + l] ?? 0)) | 0;
        v = clamp(roundedShift(biased * (m.multiplier[channel + l] ?? 0), m.shift[channel + l] ?? 0) + c.zero, c.lo, c.hi);
      }
      if (other >= 0 && addend !== undefined) {
        const both = addend.multiplier_a * (v - addend.zero_a) + addend.multiplier_b * ((m.activations[other + l] ?? 0) - addend.zero_b);
        v = clamp(roundedShift(both, addend.shift) + addend.zero, addend.lo, addend.hi);
      }
      if (c.table !== 0) v = m.tables[256 * c.table_index + (v & 255)] ?? 0;
      m.activations[to + l] = v;
    }
  }
}

/** Output positions that are done together, so that a weight is read once for all of them. */
const TOGETHER = 4;

/** Copies the beats of all taps of an output, one behind the other. */
const gather = (c: Compute, m: ArrayMemories, b: number, y: number, x: number, into: Int8Array, start: number): void => {
  const first = c.in_base + b * c.in_block + y * c.in_y + x * c.in_x;
  let to = start;
  for (let ky = 0; ky < c.kernel_y; ky++) {
    const row = c.y0 + y * c.step_y + ky * c.dilation_y;
    for (let kx = 0; kx < c.kernel_x; kx++) {
      const column = c.x0 + x * c.step_x + kx * c.dilation_x;
      const isInside = row >= 0 && row < c.height && column >= 0 && column < c.width;
      const beat = first + ky * c.in_ky + kx * c.in_kx;
      for (let ic = 0; ic < c.inputs; ic++, to += LANES) {
        if (!isInside) into.fill(c.pad, to, to + LANES);
        else {
          const at = inside(beat + ic * c.in_ic, 1, m.activations);
          for (let l = 0; l < LANES; l++) into[to + l] = m.activations[at + l] ?? 0;
        }
      }
    }
  }
};

/** Weights of output block b as [lane][tap][input]. */
const blockWeights = (c: Compute, m: ArrayMemories, bits: number, taps: number, b: number, into: Int8Array, start: number): void => {
  for (let t = 0; t < taps; t++) {
    const at = ((c.weight_base + b * c.weight_block + t) & WRAP) * LANES * LANES;
    if (at + LANES * LANES > m.weights.length) throw new ChipRange();
    for (let l = 0; l < LANES; l++)
      for (let i = 0; i < LANES; i++) into[start + (l * taps + t) * LANES + i] = narrowed(m.weights[at + LANES * l + i] ?? 0, bits);
  }
};

/** Sums of four outputs of a lane: w and the four patches have `n` bytes each. */
const dot4 = (w: Int8Array, wAt: number, x: Int8Array, n: number, sums: Int32Array, to: number): void => {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let k = 0; k < n; k++) {
    const v = w[wAt + k] as number;
    a = (a + v * (x[k] as number)) | 0;
    b = (b + v * (x[n + k] as number)) | 0;
    c = (c + v * (x[2 * n + k] as number)) | 0;
    d = (d + v * (x[3 * n + k] as number)) | 0;
  }
  sums[to] = a;
  sums[to + LANES] = b;
  sums[to + 2 * LANES] = c;
  sums[to + 3 * LANES] = d;
};

/** Products of all blocks. */
const computeDot = (c: Compute, m: ArrayMemories, bits: number, finish: Finish): void => {
  const taps = c.kernel_y * c.kernel_x * c.inputs;
  const n = taps * LANES;
  const w = new Int8Array(n * LANES);
  const patches = new Int8Array(n * TOGETHER);
  const sums = new Int32Array(LANES * TOGETHER);
  const positions = c.rows * c.columns;
  for (let b = 0; b < c.blocks; b++) {
    blockWeights(c, m, bits, taps, b, w, 0);
    for (let p = 0; p < positions; p += TOGETHER) {
      const some = Math.min(TOGETHER, positions - p);
      for (let q = 0; q < some; q++) gather(c, m, b, Math.floor((p + q) / c.columns), (p + q) % c.columns, patches, q * n);
      for (let l = 0; l < LANES; l++) dot4(w, l * n, patches, n, sums, l);
      if (c.resume !== 0) for (let l = 0; l < LANES; l++) sums[l] = ((sums[l] ?? 0) + (m.sums[l] ?? 0)) | 0;
      m.sums.set(sums.subarray(0, LANES));
      if (c.hold !== 0) continue;
      for (let q = 0; q < some; q++) finish.write(b, Math.floor((p + q) / c.columns), (p + q) % c.columns, sums, q * LANES);
    }
  }
};

/** The modes in which a lane takes its own byte of each tap. */
const computeByChannel = (c: Compute, m: ArrayMemories, bits: number, finish: Finish): void => {
  const taps = c.kernel_y * c.kernel_x * c.inputs;
  const patch = new Int8Array(taps * LANES);
  const sums = new Int32Array(LANES);
  const w = new Int8Array(taps * LANES).fill(1);
  for (let b = 0; b < c.blocks; b++) {
    for (let t = 0; c.mode === DEPTHWISE && t < taps; t++) {
      const entry = ((c.weight_base + b * c.weight_block + (t >> 4)) & WRAP) * LANES * LANES;
      if (entry + LANES * LANES > m.weights.length) throw new ChipRange();
      for (let l = 0; l < LANES; l++) w[t * LANES + l] = narrowed(m.weights[entry + LANES * l + (t & 15)] ?? 0, bits);
    }
    for (let y = 0; y < c.rows; y++)
      for (let x = 0; x < c.columns; x++) {
        gather(c, m, b, y, x, patch, 0);
        for (let l = 0; l < LANES; l++) {
          let sum = c.resume !== 0 ? (m.sums[l] ?? 0) : c.mode === MAX ? -128 : 0;
          for (let k = l; k < patch.length; k += LANES) {
            const v = patch[k] ?? 0;
            sum = c.mode === MAX ? Math.max(sum, v) : (sum + v * (w[k] ?? 0)) | 0;
          }
          sums[l] = sum;
        }
        m.sums.set(sums);
        if (c.hold === 0) finish.write(b, y, x, sums, 0);
      }
  }
};

/**
 * Does a COMPUTE command.
 * @param addend - what the last ADDEND command set
 * @param bits - of weights
 * @throws {ChipRange} for beats outside a memory
 */
export const compute = (c: Compute, addend: Addend | undefined, m: ArrayMemories, bits: number): void => {
  const finish = new Finish(c, addend, m);
  if (c.mode === DOT) computeDot(c, m, bits, finish);
  else computeByChannel(c, m, bits, finish);
};
