import type { Instruction } from '../isa/encode.ts';
import type { OpcodeName } from '../isa/opcodes.ts';
import { type Action, from, into, type ProcessorState } from './processor-state.ts';

type Make = (state: ProcessorState, one: Instruction) => Action;
type Lanes = 'v8' | 'vu8' | 'v16' | 'v32';

const PER_VECTOR = { v8: 16, vu8: 16, v16: 8, v32: 4 } as const satisfies Record<Lanes, number>;

/** Lane by lane, in the order of lanes. */
const each =
  (lanes: Lanes, compute: (a: number, b: number) => number): Make =>
  (state, { rd, ra, rb }) => {
    const v = state[lanes];
    const n = PER_VECTOR[lanes];
    const [d, a, b] = [n * rd, n * ra, n * rb];
    return () => {
      for (let i = 0; i < n; i++) v[d + i] = compute(v[a + i]!, v[b + i]!);
    };
  };

/** Lanes shifted by a scalar register. */
const shifted =
  (lanes: 'v16' | 'v32', compute: (a: number, n: number) => number): Make =>
  (state, { rd, ra, rb }) => {
    const { s } = state;
    const v = state[lanes];
    const n = PER_VECTOR[lanes];
    const [d, a, b] = [n * rd, n * ra, from(rb)];
    return () => {
      const amount = s[b]! & (128 / n - 1);
      for (let i = 0; i < n; i++) v[d + i] = compute(v[a + i]!, amount);
    };
  };

const splat =
  (lanes: 'v8' | 'v16' | 'v32'): Make =>
  (state, { rd, ra }) => {
    const { s } = state;
    const v = state[lanes];
    const n = PER_VECTOR[lanes];
    const [d, a] = [n * rd, from(ra)];
    return () => {
      v.fill(s[a]!, d, d + n);
    };
  };

const splat64: Make = ({ s, v32 }, { rd, ra }) => {
  const [d, a] = [4 * rd, from(ra)];
  return () => {
    v32[d] = v32[d + 2] = s[a]!;
    v32[d + 1] = v32[d + 3] = s[a + 1]!;
  };
};

const ROOM = new Int32Array(4);
const ROOM_8 = new Int8Array(ROOM.buffer);
const ROOM_16 = new Int16Array(ROOM.buffer);

/** A result that is put together aside, as it reads lanes that it has written otherwise. */
const aside =
  (compute: (state: ProcessorState, a: number, b: number) => void): Make =>
  (state, { rd, ra, rb }) => {
    const { v32 } = state;
    return () => {
      compute(state, ra, rb);
      v32.set(ROOM, 4 * rd);
    };
  };

const clampTo = (low: number, high: number, x: number): number => Math.min(Math.max(x, low), high);

const narrow16 = (low: number, high: number): Make =>
  aside(({ v16 }, a, b) => {
    for (let i = 0; i < 8; i++) {
      ROOM_8[i] = clampTo(low, high, v16[8 * a + i]!);
      ROOM_8[8 + i] = clampTo(low, high, v16[8 * b + i]!);
    }
  });

const narrow32 = aside(({ v32 }, a, b) => {
  for (let i = 0; i < 4; i++) {
    ROOM_16[i] = clampTo(-32768, 32767, v32[4 * a + i]!);
    ROOM_16[4 + i] = clampTo(-32768, 32767, v32[4 * b + i]!);
  }
});

/** @param half - 0: the low lanes, 1: the high ones; @param mask - of the lanes that are not extended by their sign, else -1 */
const extend8 = (half: 0 | 1, mask: number): Make =>
  aside(({ v8 }, a) => {
    for (let i = 0; i < 8; i++) ROOM_16[i] = v8[16 * a + 8 * half + i]! & mask;
  });
const extend16 = (half: 0 | 1, mask: number): Make =>
  aside(({ v16 }, a) => {
    for (let i = 0; i < 4; i++) ROOM[i] = v16[8 * a + 4 * half + i]! & mask;
  });
const extend32 = (half: 0 | 1, signed: boolean): Make =>
  aside(({ v32 }, a) => {
    for (let i = 0; i < 2; i++) {
      const x = v32[4 * a + 2 * half + i]!;
      ROOM[2 * i] = x;
      ROOM[2 * i + 1] = signed ? x >> 31 : 0;
    }
  });

const multiply16 = (half: 0 | 1): Make =>
  aside(({ v16 }, a, b) => {
    for (let i = 0; i < 4; i++) ROOM[i] = v16[8 * a + 4 * half + i]! * v16[8 * b + 4 * half + i]!;
  });

const dot16: Make = ({ v16, v32 }, { rd, ra, rb }) => {
  const [d, a, b] = [4 * rd, 8 * ra, 8 * rb];
  return () => {
    for (let i = 0; i < 4; i++) v32[d + i] = v16[a + 2 * i]! * v16[b + 2 * i]! + v16[a + 2 * i + 1]! * v16[b + 2 * i + 1]!;
  };
};

const sum64 =
  (negate: 0 | 1): Make =>
  ({ v32 }, { rd, ra, rb }) => {
    const [d, a, b] = [4 * rd, 4 * ra, 4 * rb];
    return () => {
      for (let i = 0; i < 4; i += 2) {
        const low = (v32[a + i]! >>> 0) + ((v32[b + i]! ^ -negate) >>> 0) + negate;
        const high = v32[a + i + 1]! + (v32[b + i + 1]! ^ -negate) + (low > 0xffffffff ? 1 : 0);
        v32[d + i] = low;
        v32[d + i + 1] = high;
      }
    };
  };

/** Lanes of 64 bits: the halves of a result from those of an operand, by an amount of 0 to 63. */
const shifted64 =
  (low: (l: number, h: number, n: number) => number, high: (l: number, h: number, n: number) => number): Make =>
  ({ s, v32 }, { rd, ra, rb }) => {
    const [d, a, b] = [4 * rd, 4 * ra, from(rb)];
    return () => {
      const n = s[b]! & 63;
      for (let i = 0; i < 4; i += 2) {
        const [l, h] = [v32[a + i]!, v32[a + i + 1]!];
        v32[d + i] = low(l, h, n);
        v32[d + i + 1] = high(l, h, n);
      }
    };
  };

const rightLow = (l: number, h: number, n: number): number => (n === 0 ? l : (l >>> n) | (h << (32 - n)));

const insert =
  (words: 1 | 2): Make =>
  ({ s, v32 }, { rd, ra, rb, rc }) => {
    const [d, a, b, to] = [4 * rd, from(ra), 4 * rb, 4 * rd + ((rc * words) & 3)];
    return () => {
      if (d !== b) v32.copyWithin(d, b, b + 4);
      v32[to] = s[a]!;
      if (words === 2) v32[to + 1] = s[a + 1]!;
    };
  };

const extract =
  (words: 1 | 2): Make =>
  ({ s, v32 }, { rd, ra, rc }) => {
    const [d, a] = [into(rd), 4 * ra + ((rc * words) & 3)];
    return () => {
      s[d] = v32[a]!;
      s[d + 1] = words === 2 ? v32[a + 1]! : v32[a]! >> 31;
    };
  };

const shuffle: Make = ({ v32, vu8 }, { rd, ra, rb, rc }) => {
  const [a, b, c] = [16 * ra, 16 * rb, 16 * rc];
  return () => {
    for (let i = 0; i < 16; i++) {
      const k = vu8[c + i]! & 31;
      ROOM_8[i] = vu8[k < 16 ? a + k : b + k - 16]!;
    }
    v32.set(ROOM, 4 * rd);
  };
};

const bitselect: Make = ({ v32 }, { rd, ra, rb, rc }) => {
  const [d, a, b, c] = [4 * rd, 4 * ra, 4 * rb, 4 * rc];
  return () => {
    for (let i = 0; i < 4; i++) {
      const mask = v32[c + i]!;
      v32[d + i] = (v32[a + i]! & mask) | (v32[b + i]! & ~mask);
    }
  };
};

const select: Make = ({ s, v32 }, { rd, ra, rb, rc }) => {
  const [d, a, b, c] = [4 * rd, 4 * ra, 4 * rb, from(rc)];
  return () => {
    const chosen = s[c] !== 0 || s[c + 1] !== 0 ? a : b;
    if (chosen !== d) v32.copyWithin(d, chosen, chosen + 4);
  };
};

export const VECTOR_ACTIONS = {
  vsplat8: splat('v8'),
  vsplat16: splat('v16'),
  vsplat32: splat('v32'),
  vsplat64: splat64,
  vext32: extract(1),
  vext64: extract(2),
  vins64: insert(2),
  vins32: insert(1),
  vmov: each('v32', (a) => a),
  vand: each('v32', (a, b) => a & b),
  vor: each('v32', (a, b) => a | b),
  vxor: each('v32', (a, b) => a ^ b),
  vandnot: each('v32', (a, b) => a & ~b),
  vbitsel: bitselect,
  vshuffle: shuffle,
  vsel: select,
  vnarrow16s: narrow16(-128, 127),
  vnarrow16u: narrow16(0, 255),
  vnarrow32s: narrow32,
  vadd8: each('v8', (a, b) => a + b),
  vmax8s: each('v8', (a, b) => (a > b ? a : b)),
  vmin8s: each('v8', (a, b) => (a < b ? a : b)),
  vmax8u: each('vu8', (a, b) => (a > b ? a : b)),
  vmin8u: each('vu8', (a, b) => (a < b ? a : b)),
  vadd16: each('v16', (a, b) => a + b),
  vadds16: each('v16', (a, b) => clampTo(-32768, 32767, a + b)),
  vsub16: each('v16', (a, b) => a - b),
  vmax16s: each('v16', (a, b) => (a > b ? a : b)),
  vmin16s: each('v16', (a, b) => (a < b ? a : b)),
  vshl16: shifted('v16', (a, n) => a << n),
  vshr16s: shifted('v16', (a, n) => a >> n),
  vextl8s: extend8(0, -1),
  vexth8s: extend8(1, -1),
  vextl8u: extend8(0, 0xff),
  vexth8u: extend8(1, 0xff),
  vextl16s: extend16(0, -1),
  vexth16s: extend16(1, -1),
  vextl16u: extend16(0, 0xffff),
  vexth16u: extend16(1, 0xffff),
  vextl32s: extend32(0, true),
  vexth32s: extend32(1, true),
  vextl32u: extend32(0, false),
  vexth32u: extend32(1, false),
  vadd32: each('v32', (a, b) => a + b),
  vsub32: each('v32', (a, b) => a - b),
  vmul32: each('v32', (a, b) => Math.imul(a, b)),
  vneg32: each('v32', (a) => -a),
  vabs32: each('v32', (a) => (a < 0 ? -a : a)),
  vmax32s: each('v32', (a, b) => (a > b ? a : b)),
  vmin32s: each('v32', (a, b) => (a < b ? a : b)),
  veq32: each('v32', (a, b) => (a === b ? -1 : 0)),
  vgt32s: each('v32', (a, b) => (a > b ? -1 : 0)),
  vshl32: shifted('v32', (a, n) => a << n),
  vshr32s: shifted('v32', (a, n) => a >> n),
  vshr32u: shifted('v32', (a, n) => a >>> n),
  vdot16: dot16,
  vmull16s: multiply16(0),
  vmulh16s: multiply16(1),
  vadd64: sum64(0),
  vsub64: sum64(1),
  vshl64: shifted64(
    (l, _, n) => (n < 32 ? l << n : 0),
    (l, h, n) => (n === 0 ? h : n < 32 ? (h << n) | (l >>> (32 - n)) : l << (n - 32)),
  ),
  vshr64s: shifted64(
    (l, h, n) => (n < 32 ? rightLow(l, h, n) : h >> (n - 32)),
    (_, h, n) => (n < 32 ? h >> n : h >> 31),
  ),
  vshr64u: shifted64(
    (l, h, n) => (n < 32 ? rightLow(l, h, n) : h >>> (n - 32)),
    (_, h, n) => (n < 32 ? h >>> n : 0),
  ),
} as const satisfies Partial<Record<OpcodeName, Make>>;
