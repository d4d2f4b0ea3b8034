import type { Fn } from '../../cpu/simd/fn.ts';

// Moves of memory as WebAssembly has them: parts may overlap, lengths may be 0.

const BLOCK = 64;
const VECTOR = 16;

/** (to, from, bytes), upwards; right when `to` does not lie behind `from` within it. */
const copyUp = (f: Fn): void => {
  const [to, from, bytes] = [f.arg(0), f.arg(1), f.arg(2)];
  const { i32 } = f.ops;
  const end = f.i32(i32.add(to, bytes));
  const blocks = f.i32(i32.add(to, i32.and(bytes, -BLOCK)));
  f.while(
    () => i32.lt_u(to, blocks),
    () => {
      const parts = [0, 1, 2, 3].map((k) => f.v128(f.vload('load', from, k * VECTOR)));
      parts.forEach((part, k) => f.vstore(to, part, k * VECTOR));
      f.inc(to, BLOCK);
      f.inc(from, BLOCK);
    },
  );
  const vectors = f.i32(i32.sub(end, VECTOR));
  f.while(
    () => i32.le_s(to, vectors),
    () => {
      f.vstore(to, f.vload('load', from));
      f.inc(to, VECTOR);
      f.inc(from, VECTOR);
    },
  );
  f.while(
    () => i32.lt_u(to, end),
    () => {
      f.store('u8', to, f.load('u8', from));
      f.inc(to, 1);
      f.inc(from, 1);
    },
  );
};

/** The same downwards, by bytes: nothing that is lowered moves much memory onto itself. */
const copyDown = (f: Fn): void => {
  const [to, from, bytes] = [f.arg(0), f.arg(1), f.arg(2)];
  const { i32 } = f.ops;
  f.while(
    () => i32.ne(bytes, 0),
    () => {
      f.inc(bytes, -1);
      f.store('u8', i32.add(to, bytes), f.load('u8', i32.add(from, bytes)));
    },
  );
};

/** Routines of (to, from or byte, bytes). */
export const MEMORY_ROUTINES = {
  copy: (f: Fn): void => {
    const [to, from, bytes] = [f.arg(0), f.arg(1), f.arg(2)];
    f.if(
      f.ops.i32.lt_u(f.ops.i32.sub(to, from), bytes),
      () => copyDown(f),
      () => copyUp(f),
    );
  },
  fill: (f: Fn): void => {
    const [to, value, bytes] = [f.arg(0), f.arg(1), f.arg(2)];
    const { i32, i8x16 } = f.ops;
    const end = f.i32(i32.add(to, bytes));
    const vector = f.v128(i8x16.splat(value));
    const blocks = f.i32(i32.add(to, i32.and(bytes, -VECTOR)));
    f.while(
      () => i32.lt_u(to, blocks),
      () => {
        f.vstore(to, vector);
        f.inc(to, VECTOR);
      },
    );
    f.while(
      () => i32.lt_u(to, end),
      () => {
        f.store('u8', to, value);
        f.inc(to, 1);
      },
    );
  },
} as const;
