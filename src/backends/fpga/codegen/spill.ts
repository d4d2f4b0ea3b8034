import { at, invariant } from '../../../support/index.ts';
import { eachDefinition } from './flow.ts';
import { NONE, type Spilled, spilledArgument, type Virtual, type VirtualFunction, type VirtualInstruction, ZERO } from './virtual.ts';

/** What spilling adds to. */
export interface SpillState {
  readonly spilled: Spilled[];
  /** Registers that live from one instruction to the next. */
  readonly unspillable: Set<Virtual>;
  readonly frameBytes: number;
}

const PLAIN = { d: NONE, a: NONE, b: NONE, c: NONE, lane: 0, imm: 0 };

const SCALAR_BYTES = 8;
const VECTOR_BYTES = 16;

/** Constants are made again instead of being kept. */
const constantsOf = (fn: VirtualFunction, victims: ReadonlySet<Virtual>): ReadonlyMap<Virtual, VirtualInstruction> => {
  const found = new Map<Virtual, VirtualInstruction>();
  const others = new Set<Virtual>();
  for (const one of fn.code) {
    eachDefinition(one, (d) => {
      if (!victims.has(d)) return;
      const isConstant = one.op === 'constant' || one.op === 'li' || ((one.op === 'vld' || one.op === 'vsplat32') && one.a === ZERO);
      // a load from memory that changes is no constant
      const isFixed = isConstant && (one.op !== 'vld' || one.symbol?.to === 'pool');
      if (!isFixed || found.has(d)) others.add(d);
      else found.set(d, one);
    });
  }
  for (const v of others) found.delete(v);
  return found;
};

/** The place of a value; vectors are aligned. */
const place = (isVector: boolean, state: { frameBytes: number }): number => {
  const bytes = isVector ? VECTOR_BYTES : SCALAR_BYTES;
  const offset = Math.ceil(state.frameBytes / bytes) * bytes;
  state.frameBytes = offset + bytes;
  return offset;
};

/**
 * Keeps registers in the frame: they are loaded before each instruction that reads them and stored behind each that writes them.
 * @returns the bytes of the frame
 */
export const spill = (fn: VirtualFunction, list: readonly Virtual[], { spilled, unspillable, frameBytes }: SpillState): number => {
  const victims = new Set(list);
  const constants = constantsOf(fn, victims);
  const state = { frameBytes };
  const numbers = new Map<Virtual, number>();
  for (const v of victims) {
    const again = constants.get(v);
    const isVector = at(fn.isVector, v);
    numbers.set(v, spilled.length);
    spilled.push({ isVector, again, offset: again === undefined ? place(isVector, state) : undefined });
  }
  const fresh = (like: Virtual): Virtual => {
    const t = fn.isVector.push(at(fn.isVector, like)) - 1;
    unspillable.add(t);
    return t;
  };
  const numberOf = (v: Virtual): number => {
    const number = numbers.get(v);
    invariant(number !== undefined, 'what is spilled has a number');
    return number;
  };
  const code: VirtualInstruction[] = [];
  for (const one of fn.code) {
    const { depth } = one;
    // the definition of a constant that is made again
    if (victims.has(one.d) && constants.has(one.d)) continue;
    const loaded = new Map<Virtual, Virtual>();
    const read = (v: Virtual): Virtual => {
      if (!victims.has(v)) return v;
      const known = loaded.get(v);
      if (known !== undefined) return known;
      const t = fresh(v);
      loaded.set(v, t);
      code.push(loadSpilled(at(spilled, numberOf(v)), t, depth));
      return t;
    };
    const stores: VirtualInstruction[] = [];
    const write = (v: Virtual): Virtual => {
      if (!victims.has(v)) return v;
      const { isVector, offset = 0 } = at(spilled, numberOf(v));
      const t = fresh(v);
      stores.push({ ...PLAIN, op: isVector ? 'vst' : 'st64', a: ZERO, b: t, symbol: { to: 'frame', offset }, depth });
      return t;
    };
    one.a = read(one.a);
    one.b = read(one.b);
    one.c = read(one.c);
    if (one.op === 'callee') one.args = one.args?.map((v) => (victims.has(v) ? spilledArgument(numberOf(v)) : v)) ?? [];
    if (one.op === 'entry') one.args = one.args?.map(write) ?? [];
    one.d = write(one.d);
    code.push(one, ...stores);
  }
  fn.code = code;
  return state.frameBytes;
};

/** Loads what was spilled into a register. */
export const loadSpilled = ({ isVector, offset = 0, again }: Spilled, d: Virtual, depth: number): VirtualInstruction =>
  again === undefined
    ? { ...PLAIN, op: isVector ? 'vld' : 'ld64', d, a: ZERO, symbol: { to: 'frame', offset }, depth }
    : { ...again, d, depth };
