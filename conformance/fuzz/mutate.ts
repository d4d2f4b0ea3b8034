import type { Rng } from './rng.ts';

/** The parts one after another. */
export const join = (...parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

/** `remove` bytes at `at` replaced by `insert`. */
export const spliced = (bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array =>
  join(bytes.subarray(0, at), insert, bytes.subarray(Math.min(bytes.length, at + remove)));

/** Unsigned LEB128, with `padding` more bytes than the shortest form. */
export const leb = (value: number, padding = 0): Uint8Array => {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
  for (let i = 0; i < padding; i++) {
    out[out.length - 1] = (out.at(-1) ?? 0) | 0x80;
    out.push(0);
  }
  return Uint8Array.from(out);
};

/** Numbers at which sizes, types and loops go wrong. */
export const INTERESTING: readonly [number, ...number[]] = [
  0,
  1,
  2,
  8,
  16,
  63,
  64,
  127,
  128,
  255,
  256,
  4096,
  65_535,
  65_536,
  2 ** 20,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 40,
  Number.MAX_SAFE_INTEGER,
];

const randomBytes = (rng: Rng, length: number): Uint8Array => Uint8Array.from({ length }, () => rng.below(256));
const place = (rng: Rng, bytes: Uint8Array): number => rng.below(bytes.length + 1);
/** Short ranges most of the time. */
const run = (rng: Rng, limit: number): number => Math.min(limit, 1 + rng.below(rng.below(4) === 0 ? 256 : 8));

export type Mutator = (rng: Rng, bytes: Uint8Array, other: Uint8Array) => Uint8Array;

const flip: Mutator = (rng, bytes) => {
  const out = bytes.slice();
  const i = rng.below(bytes.length);
  out[i] = (out[i] ?? 0) ^ (1 << rng.below(8));
  return out;
};
const setByte: Mutator = (rng, bytes) => spliced(bytes, rng.below(bytes.length), 1, Uint8Array.of(rng.pick(INTERESTING) & 255));
const nudge: Mutator = (rng, bytes) => {
  const out = bytes.slice();
  const i = rng.below(bytes.length);
  out[i] = (out[i] ?? 0) + rng.below(9) - 4;
  return out;
};
const insert: Mutator = (rng, bytes) => spliced(bytes, place(rng, bytes), 0, randomBytes(rng, run(rng, 64)));
const remove: Mutator = (rng, bytes) => spliced(bytes, place(rng, bytes), run(rng, bytes.length), new Uint8Array(0));
const duplicate: Mutator = (rng, bytes) => {
  const from = place(rng, bytes);
  const piece = bytes.subarray(from, from + run(rng, bytes.length));
  const copies = rng.below(16) === 0 ? 1 + rng.below(2000) : 1;
  return spliced(bytes, place(rng, bytes), 0, join(...Array.from({ length: copies }, () => piece)));
};
const splice: Mutator = (rng, bytes, other) => {
  const from = place(rng, other);
  return spliced(bytes, place(rng, bytes), run(rng, bytes.length), other.subarray(from, from + run(rng, other.length)));
};
const crossOver: Mutator = (rng, bytes, other) => join(bytes.subarray(0, place(rng, bytes)), other.subarray(place(rng, other)));
const truncate: Mutator = (rng, bytes) => bytes.subarray(0, place(rng, bytes));
/** A length or number that is not true, or not in its shortest form. */
const lie: Mutator = (rng, bytes) =>
  spliced(bytes, place(rng, bytes), rng.below(3), leb(rng.pick(INTERESTING), rng.below(3) === 0 ? 1 + rng.below(9) : 0));
const word: Mutator = (rng, bytes) => {
  const view = new DataView(new ArrayBuffer(8));
  const value = rng.pick(INTERESTING);
  const width = rng.pick([2, 4, 8]);
  if (width === 8) view.setFloat64(0, value, rng.below(2) === 0);
  else view.setUint32(0, value % 2 ** 32, rng.below(2) === 0);
  return spliced(bytes, place(rng, bytes), width, new Uint8Array(view.buffer, 0, width));
};

/** One small change: most numbers stay what they are, so that later checks are reached. */
export const mutateGently: Mutator = (rng, bytes, other) =>
  bytes.length === 0 ? other : rng.pick([flip, nudge, nudge, setByte])(rng, bytes, other);

const BYTE_MUTATORS: readonly [Mutator, ...Mutator[]] = [
  flip,
  flip,
  setByte,
  nudge,
  insert,
  remove,
  duplicate,
  splice,
  crossOver,
  truncate,
  lie,
  lie,
  word,
];

/** Inputs stay below this, or a run measures memory bandwidth. */
const MAX_INPUT = 1 << 20;

/** One to eight mutations that know nothing of the format. */
export const mutateBytes: Mutator = (rng, bytes, other) => {
  const rounds = 1 + rng.below(rng.below(3) === 0 ? 8 : 2);
  let out = bytes;
  for (let i = 0; i < rounds; i++) {
    out = rng.pick(BYTE_MUTATORS)(rng, out.length === 0 ? other : out, other);
  }
  return out.length > MAX_INPUT ? out.subarray(0, MAX_INPUT) : out;
};
