import { invariant } from '../../../../support/index.ts';
import { encodeProgram, type Instruction, instruction } from '../../isa/encode.ts';
import { OPCODES, type OpcodeName } from '../../isa/opcodes.ts';

/** Whole numbers that follow from a seed. */
export class Random {
  private state: bigint;

  constructor(seed: number) {
    this.state = BigInt(2 * seed + 1);
  }

  bits64(): bigint {
    let x = this.state;
    x ^= BigInt.asUintN(64, x << 13n);
    x ^= x >> 7n;
    x ^= BigInt.asUintN(64, x << 17n);
    this.state = x;
    return BigInt.asUintN(64, x * 0x2545f4914f6cdd1dn);
  }

  /** From 0 to `end` - 1. */
  below(end: number): number {
    return Number((this.bits64() >> 11n) % BigInt(end));
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    invariant(value !== undefined, 'there is something to pick from');
    return value;
  }
}

/** Bytes of memory of a program. */
export const MEMORY_BYTES = 0x8000;
export const START_PC = 0x40;
/** Values that registers begin with, then those of vectors. */
const SCALARS_AT = 0x4000;
const VECTORS_AT = 0x4200;
/** Bytes that loads and stores go to. */
const DATA_AT = 0x5000;
const DATA_BYTES = 0x2800;
/** Where registers are stored at the end. */
const RESULTS_AT = 0x7a00;

/** Scalar registers that hold addresses (with junk above bit 31), the count of a loop, and an address of return. */
const POINTERS = [60, 61, 62, 63];
const COUNTER = 59;
const LINK = 58;
const FREE = 58;

const EXTREMES = [
  0n,
  1n,
  -1n,
  2n,
  -2n,
  1n << 31n,
  (1n << 31n) - 1n,
  -(1n << 31n),
  1n << 63n,
  (1n << 63n) - 1n,
  0xffffffffn,
  -(1n << 31n) - 1n,
];
const EXTREMES_16 = [0x8000n, 0x7fffn, 0xffffn, 1n, 0n, 0x80n, 0x7fn, 0xff80n, 0xff7fn, 0x100n];

/** 64 bits: extremes of 64, 32, 16 and 8 bits, or anything. */
const extreme64 = (random: Random): bigint => {
  const kind = random.below(4);
  if (kind === 0) return random.pick(EXTREMES);
  if (kind === 1) return random.bits64();
  if (kind === 2) return random.bits64() >> BigInt(random.below(64));
  return [0n, 16n, 32n, 48n].reduce((v, at) => v | (random.pick(EXTREMES_16) << at), 0n);
};

const JUMPS: ReadonlySet<OpcodeName> = new Set(['jmp', 'jr', 'call', 'jz', 'jnz', 'beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu']);
const NOT_DRAWN: ReadonlySet<OpcodeName> = new Set(['halt', 'trap', 'astart', 'await', ...JUMPS]);
const DRAWN = OPCODES.filter(({ name }) => !NOT_DRAWN.has(name));
/** Jumps to one of the next instructions. */
const FORWARD = ['jmp', 'jz', 'jnz', 'beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'] as const;

/** An instruction of random operands, a quarter of which the instruction before has written, to `recent`. Addresses lie in the data. */
const drawn = (random: Random, name: OpcodeName, form: string, recent: number): Instruction => {
  const moves = /^v?(ld|st)/.test(name);
  let base = 0;
  const operands = form.split('').map((letter) => {
    if (letter === 'd') return 1 + random.below(FREE - 1);
    if (letter === 'a' && moves) return (base = random.pick([0, ...POINTERS]));
    if (letter === 'i' && moves) {
      const offset = random.below(DATA_BYTES - 16);
      return base === 0 ? DATA_AT + offset : offset - DATA_BYTES / 2;
    }
    if (letter === 'i') return random.below(3) === 0 ? random.below(64) : Number(BigInt.asIntN(32, extreme64(random)));
    return random.below(4) === 0 ? recent : random.below(64);
  });
  return instruction(name, ...operands);
};

const prologue = (random: Random, view: DataView): readonly Instruction[] => {
  for (let i = 0; i < 64; i++) {
    const pointer = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(DATA_AT + DATA_BYTES / 2);
    view.setBigUint64(SCALARS_AT + 8 * i, BigInt.asUintN(64, POINTERS.includes(i) ? pointer : extreme64(random)), true);
    for (const half of [0, 8]) view.setBigUint64(VECTORS_AT + 16 * i + half, BigInt.asUintN(64, extreme64(random)), true);
  }
  return Array.from({ length: 64 }, (_, i) => [
    ...(i === 0 ? [] : [instruction('ld64', i, 0, SCALARS_AT + 8 * i)]),
    instruction('vld', i, 0, VECTORS_AT + 16 * i),
  ]).flat();
};

const epilogue = (): readonly Instruction[] => [
  ...Array.from({ length: 64 }, (_, i) => [
    instruction('st64', i, 0, RESULTS_AT + 8 * i),
    instruction('vst', i, 0, RESULTS_AT + 512 + 16 * i),
  ]).flat(),
  instruction('halt'),
];

/** Reloads registers with their first values, so that extremes stay where results have grown random. */
const reload = (random: Random): Instruction => {
  const i = 1 + random.below(FREE - 1);
  return random.below(2) === 0
    ? instruction('ld64', i, 0, SCALARS_AT + 8 * random.below(FREE))
    : instruction('vld', i, 0, VECTORS_AT + 16 * random.below(64));
};

export interface RandomProgram {
  readonly memory: Uint8Array;
  readonly opcodes: ReadonlySet<OpcodeName>;
}

/**
 * A program of about `length` instructions in an image of MEMORY_BYTES that ends: straight lines with jumps forward, loops, and calls
 * of a function, over the opcodes in a random order, from registers of extreme values. All registers are in memory at its end.
 */
export const randomProgram = (seed: number, length: number): RandomProgram => {
  const random = new Random(seed);
  const memory = new Uint8Array(MEMORY_BYTES);
  const view = new DataView(memory.buffer);
  for (let at = DATA_AT; at < DATA_AT + DATA_BYTES; at += 8) view.setBigUint64(at, BigInt.asUintN(64, extreme64(random)), true);
  const code: Instruction[] = [...prologue(random, view)];
  const pcOf = (index: number): number => START_PC + 8 * index;
  const next = (): Instruction => {
    if (random.below(6) === 0) return reload(random);
    const { name, form } = random.pick(DRAWN);
    if (name === 'dflush' && random.below(4) !== 0) return reload(random);
    return drawn(random, name, form, code.at(-1)?.rd ?? 0);
  };
  const straight = (count: number): void => {
    for (let i = 0; i < count; i++) code.push(next());
  };
  const forward = (): void => {
    const name = random.pick(FORWARD);
    const form = OPCODES.find((o) => o.name === name)?.form ?? '';
    const over = random.below(4);
    const target = pcOf(code.length + 1 + over);
    code.push(instruction(name, ...form.split('').map((letter) => (letter === 'i' ? target : random.below(64)))));
    straight(over);
  };
  const loop = (): void => {
    code.push(instruction('li', COUNTER, 1 + random.below(4)));
    const top = pcOf(code.length);
    straight(2 + random.below(12));
    code.push(instruction('addi32', COUNTER, COUNTER, -1), instruction('jnz', COUNTER, top));
  };
  const calls: number[] = [];
  const array = (): void => {
    code.push(instruction('await'), instruction('astart', random.below(64), random.below(64)));
    straight(random.below(6));
    if (random.below(2) === 0) code.push(instruction('await'));
  };
  while (code.length < length) {
    const kind = random.below(12);
    if (kind < 6) straight(1 + random.below(8));
    else if (kind < 9) forward();
    else if (kind < 10) loop();
    else if (kind < 11) array();
    else {
      calls.push(code.length);
      code.push(instruction('call', LINK, 0));
    }
  }
  code.push(...epilogue());
  const callee = pcOf(code.length);
  straight(5);
  code.push(instruction('jr', LINK));
  for (const at of calls) code[at] = instruction('call', LINK, callee);
  const bytes = encodeProgram(code);
  invariant(START_PC + bytes.length <= SCALARS_AT, `the code of ${bytes.length} bytes ends before the data`);
  memory.set(bytes, START_PC);
  return { memory, opcodes: new Set(code.map(({ op }) => op)) };
};
