import type { Instruction } from '../isa/encode.ts';
import type { OpcodeName } from '../isa/opcodes.ts';
import { type Action, from, into, type ProcessorState } from './processor-state.ts';

type Make = (state: ProcessorState, one: Instruction) => Action;

const scalarLoad =
  (size: number, read: (memory: DataView, address: number) => number): Make =>
  (state, { rd, ra, imm }) => {
    const { s, memory } = state;
    const [d, a] = [into(rd), from(ra)];
    return () => {
      const address = (s[a]! + imm) >>> 0;
      state.access(address, size, false);
      const x = read(memory, address);
      s[d] = x;
      s[d + 1] = x >> 31;
    };
  };

const load64: Make = (state, { rd, ra, imm }) => {
  const { s, memory } = state;
  const [d, a] = [into(rd), from(ra)];
  return () => {
    const address = (s[a]! + imm) >>> 0;
    state.access(address, 8, false);
    s[d] = memory.getInt32(address, true);
    s[d + 1] = memory.getInt32(address + 4, true);
  };
};

const scalarStore =
  (size: number, write: (memory: DataView, address: number, low: number, high: number) => void): Make =>
  (state, { ra, rb, imm }) => {
    const { s, memory } = state;
    const [a, b] = [from(ra), from(rb)];
    return () => {
      const address = (s[a]! + imm) >>> 0;
      state.access(address, size, true);
      write(memory, address, s[b]!, s[b + 1]!);
    };
  };

/** A load of a vector: `read` sets its words from index `d` on. */
const vectorLoad =
  (size: number, read: (v32: Int32Array, d: number, memory: DataView, address: number) => void): Make =>
  (state, { rd, ra, imm }) => {
    const { s, v32, memory } = state;
    const [d, a] = [4 * rd, from(ra)];
    return () => {
      const address = (s[a]! + imm) >>> 0;
      state.access(address, size, false);
      read(v32, d, memory, address);
    };
  };

/** Two lanes of 16 bits in a word. */
const pair = (low: number, high: number): number => (low & 0xffff) | (high << 16);

const widened = (byte: (memory: DataView, address: number) => number): Make =>
  vectorLoad(8, (v32, d, memory, address) => {
    for (let i = 0; i < 4; i++) v32[d + i] = pair(byte(memory, address + 2 * i), byte(memory, address + 2 * i + 1));
  });

const storeVector: Make = (state, { ra, rb, imm }) => {
  const { s, v32, memory } = state;
  const [a, b] = [from(ra), 4 * rb];
  return () => {
    const address = (s[a]! + imm) >>> 0;
    state.access(address, 16, true);
    for (let i = 0; i < 4; i++) memory.setInt32(address + 4 * i, v32[b + i]!, true);
  };
};

/** The lane of an instruction that exists: its number modulo the lanes. */
const laneOffset = (lane: number, size: number): number => (lane * size) & 15;

const loadLane =
  (size: number): Make =>
  (state, { rd, ra, rb, rc, imm }) => {
    const { s, vu8, bytes } = state;
    const [d, a, b, to] = [16 * rd, from(ra), 16 * rb, 16 * rd + laneOffset(rc, size)];
    return () => {
      const address = (s[a]! + imm) >>> 0;
      state.access(address, size, false);
      if (d !== b) vu8.copyWithin(d, b, b + 16);
      for (let i = 0; i < size; i++) vu8[to + i] = bytes[address + i]!;
    };
  };

const storeLane =
  (size: number): Make =>
  (state, { ra, rb, rc, imm }) => {
    const { s, vu8, bytes } = state;
    const [a, b] = [from(ra), 16 * rb + laneOffset(rc, size)];
    return () => {
      const address = (s[a]! + imm) >>> 0;
      state.access(address, size, true);
      for (let i = 0; i < size; i++) bytes[address + i] = vu8[b + i]!;
    };
  };

export const MEMORY_ACTIONS = {
  ld8s: scalarLoad(1, (m, a) => m.getInt8(a)),
  ld8u: scalarLoad(1, (m, a) => m.getUint8(a)),
  ld16s: scalarLoad(2, (m, a) => m.getInt16(a, true)),
  ld32: scalarLoad(4, (m, a) => m.getInt32(a, true)),
  ld64: load64,
  st8: scalarStore(1, (m, a, low) => m.setInt8(a, low)),
  st16: scalarStore(2, (m, a, low) => m.setInt16(a, low, true)),
  st32: scalarStore(4, (m, a, low) => m.setInt32(a, low, true)),
  st64: scalarStore(8, (m, a, low, high) => {
    m.setInt32(a, low, true);
    m.setInt32(a + 4, high, true);
  }),
  vld: vectorLoad(16, (v32, d, m, a) => {
    for (let i = 0; i < 4; i++) v32[d + i] = m.getInt32(a + 4 * i, true);
  }),
  vst: storeVector,
  vld8x8s: widened((m, a) => m.getInt8(a)),
  vld8x8u: widened((m, a) => m.getUint8(a)),
  vld16x4s: vectorLoad(8, (v32, d, m, a) => {
    for (let i = 0; i < 4; i++) v32[d + i] = m.getInt16(a + 2 * i, true);
  }),
  vld32splat: vectorLoad(4, (v32, d, m, a) => {
    v32.fill(m.getInt32(a, true), d, d + 4);
  }),
  vld32zero: vectorLoad(4, (v32, d, m, a) => {
    v32[d] = m.getInt32(a, true);
    v32.fill(0, d + 1, d + 4);
  }),
  vldlane8: loadLane(1),
  vldlane16: loadLane(2),
  vldlane32: loadLane(4),
  vldlane64: loadLane(8),
  vstlane8: storeLane(1),
  vstlane16: storeLane(2),
  vstlane32: storeLane(4),
  vstlane64: storeLane(8),
} as const satisfies Partial<Record<OpcodeName, Make>>;
