import { at } from '../../../support/index.ts';
import { opcodeNamed } from '../isa/opcodes.ts';
import type { Virtual, VirtualFunction, VirtualInstruction } from './virtual.ts';

/** A run of instructions without a jump in between. */
interface Block {
  readonly from: number;
  readonly to: number;
  readonly next: readonly number[];
}

/** Whether an instruction does more than define its register. */
const hasEffects = (op: VirtualInstruction['op']): boolean => {
  if (op === 'label' || op === 'callee' || op === 'entry') return true;
  if (op === 'move' || op === 'constant') return false;
  return !/^[dD]/.test(opcodeNamed(op)?.form ?? '');
};

const ENDS = new Set(['jmp', 'jz', 'jnz', 'beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu', 'jr']);

const blocksOf = (code: readonly VirtualInstruction[]): readonly Block[] => {
  const starts = [0];
  code.forEach((one, i) => {
    if (one.op === 'label' && i > 0 && starts.at(-1) !== i) starts.push(i);
    if (ENDS.has(one.op) && i + 1 < code.length) starts.push(i + 1);
  });
  const unique = [...new Set(starts)];
  const blockOfLabel = new Map<number, number>();
  unique.forEach((from, block) => {
    // several labels may stand together; each then starts a block
    if (at(code, from).op === 'label') blockOfLabel.set(at(code, from).imm, block);
  });
  return unique.map((from, block) => {
    const to = unique[block + 1] ?? code.length;
    const last = at(code, to - 1);
    const next: number[] = [];
    if (last.symbol?.to === 'label') next.push(blockOfLabel.get(last.symbol.label) ?? 0);
    if (last.op !== 'jmp' && last.op !== 'jr' && block + 1 < unique.length) next.push(block + 1);
    return { from, to, next };
  });
};

/** Calls `visit` with each register that an instruction reads. */
export const eachUse = (one: VirtualInstruction, visit: (register: Virtual) => void): void => {
  if (one.a > 0) visit(one.a);
  if (one.b > 0) visit(one.b);
  if (one.c > 0) visit(one.c);
  if (one.args !== undefined && one.op !== 'entry') for (const arg of one.args) if (arg > 0) visit(arg);
};

/** Calls `visit` with each register that an instruction writes. */
export const eachDefinition = (one: VirtualInstruction, visit: (register: Virtual) => void): void => {
  if (one.d > 0) visit(one.d);
  if (one.op === 'entry' && one.args !== undefined) for (const arg of one.args) visit(arg);
};

/** Registers that are live at the end of each block, as sets of bits. */
const liveOuts = (fn: VirtualFunction, blocks: readonly Block[]): readonly Uint32Array[] => {
  const words = Math.ceil(fn.isVector.length / 32);
  const make = (): Uint32Array => new Uint32Array(words);
  const uses = blocks.map(make);
  const defines = blocks.map(make);
  const has = (set: Uint32Array, v: number): boolean => (((set[v >>> 5] ?? 0) >>> (v & 31)) & 1) === 1;
  const put = (set: Uint32Array, v: number): void => {
    set[v >>> 5] = (set[v >>> 5] ?? 0) | (1 << (v & 31));
  };
  blocks.forEach(({ from, to }, b) => {
    const [used, defined] = [at(uses, b), at(defines, b)];
    for (let i = from; i < to; i++) {
      const one = at(fn.code, i);
      eachUse(one, (v) => {
        if (!has(defined, v)) put(used, v);
      });
      eachDefinition(one, (v) => put(defined, v));
    }
  });
  const ins = blocks.map((_, b) => Uint32Array.from(at(uses, b)));
  const outs = blocks.map(make);
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = blocks.length - 1; b >= 0; b--) {
      const [out, into, defined] = [at(outs, b), at(ins, b), at(defines, b)];
      for (const next of at(blocks, b).next) {
        const from = at(ins, next);
        for (let w = 0; w < words; w++) out[w] = (out[w] ?? 0) | (from[w] ?? 0);
      }
      for (let w = 0; w < words; w++) {
        const now = ((into[w] ?? 0) | ((out[w] ?? 0) & ~(defined[w] ?? 0))) >>> 0;
        if (now !== into[w]) {
          into[w] = now;
          changed = true;
        }
      }
    }
  }
  return outs;
};

/**
 * Goes through a function from its end to its start.
 * @param visit - gets each instruction with the registers that are live behind it; when it returns false, the instruction is taken as not there
 */
export const walkBackwards = (
  fn: VirtualFunction,
  visit: (one: VirtualInstruction, index: number, live: ReadonlySet<Virtual>) => boolean,
): ReadonlySet<Virtual> => {
  const blocks = blocksOf(fn.code);
  const outs = liveOuts(fn, blocks);
  let live = new Set<Virtual>();
  for (let b = blocks.length - 1; b >= 0; b--) {
    live = new Set();
    at(outs, b).forEach((word, w) => {
      for (let bits = word; bits !== 0; bits &= bits - 1) live.add(w * 32 + 31 - Math.clz32(bits & -bits));
    });
    const { from, to } = at(blocks, b);
    for (let i = to - 1; i >= from; i--) {
      const one = at(fn.code, i);
      if (!visit(one, i, live)) continue;
      eachDefinition(one, (v) => live.delete(v));
      eachUse(one, (v) => live.add(v));
    }
  }
  return live;
};

/** Removes what nobody reads; sets variables to 0 that are read before they are set. */
export const tidy = (fn: VirtualFunction): void => {
  for (;;) {
    const dead = new Set<number>();
    const unset = walkBackwards(fn, (one, index, live) => {
      const isDead = !hasEffects(one.op) && !live.has(one.d);
      if (isDead) dead.add(index);
      return !isDead;
    });
    const zeros = [...unset].map((d): VirtualInstruction => {
      const common = { d, b: -1, c: -1, lane: 0, imm: 0, depth: 0 };
      return at(fn.isVector, d) ? { ...common, op: 'vsplat32', a: 0 } : { ...common, op: 'constant', a: -1, value: 0n };
    });
    fn.code = fn.code.filter((_, i) => !dead.has(i));
    // behind the entry, which comes first
    fn.code.splice(1, 0, ...zeros);
    if (dead.size === 0 && zeros.length === 0) return;
  }
};
