import { invariant, sha256Hex } from '../../../support/index.ts';
import { encodeProgram, INSTRUCTION_BYTES, type Instruction } from '../isa/encode.ts';
import { BEAT_BYTES, CODE_ALIGNMENT } from '../isa/image.ts';
import type { FunctionCode, LinkedInstruction, Symbol } from './virtual.ts';

/** A program's code and constants with addresses. */
export interface LinkedCode {
  /** Code, then constants; a multiple of 16. */
  readonly bytes: Uint8Array;
  /** Bytes of instructions, at the start of `bytes`. */
  readonly instructionBytes: number;
  /** Addresses of functions. */
  readonly addresses: ReadonlyMap<string, number>;
  /** Where frames end, behind the code: memory that needs no content. */
  readonly end: number;
}

const aligned = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

const COMMAND_ALIGNMENT = 64;

/** Constants behind the code, equal ones once. */
class Pool {
  readonly parts: { readonly address: number; readonly bytes: Uint8Array }[] = [];
  private readonly known = new Map<string, number>();
  end: number;

  constructor(start: number) {
    this.end = start;
  }

  place(bytes: Uint8Array, alignment: number): number {
    const key = `${alignment}:${sha256Hex(bytes)}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const address = aligned(this.end, alignment);
    this.parts.push({ address, bytes });
    this.known.set(key, address);
    this.end = address + bytes.length;
    return address;
  }
}

/**
 * Gives code its addresses.
 * @param base - where it starts, a multiple of 64
 */
export const link = (functions: readonly FunctionCode[], base: number): LinkedCode => {
  invariant(base % CODE_ALIGNMENT === 0, 'code is aligned');
  const addresses = new Map<string, number>();
  let end = base;
  for (const { name, code } of functions) {
    addresses.set(name, end);
    end += code.length * INSTRUCTION_BYTES;
  }
  const instructionBytes = end - base;
  const pool = new Pool(end);
  const frames: { readonly placed: { imm: number }; readonly offset: number }[] = [];
  const linked: { -readonly [K in keyof Instruction]: Instruction[K] }[] = [];
  let frameBytes = 0;
  for (const { name, code, frameBytes: own } of functions) {
    const start = addresses.get(name) ?? 0;
    const labels = new Map<number, number>();
    code.forEach((one, i) => {
      for (const label of one.labels ?? []) labels.set(label, start + i * INSTRUCTION_BYTES);
    });
    const valueOf = (symbol: Exclude<Symbol, { readonly to: 'frame' }>): number => {
      switch (symbol.to) {
        case 'label':
          return labels.get(symbol.label) ?? 0;
        case 'function':
          return addresses.get(symbol.name) ?? 0;
        case 'pool':
          return pool.place(symbol.bytes, BEAT_BYTES);
        case 'commands': {
          const { buffer, byteOffset, byteLength } = symbol.words;
          return pool.place(new Uint8Array(buffer, byteOffset, byteLength), COMMAND_ALIGNMENT);
        }
        default:
          return symbol satisfies never;
      }
    };
    for (const one of code) {
      const placed = plainOf(one);
      linked.push(placed);
      if (one.symbol === undefined) continue;
      if (one.symbol.to === 'frame') frames.push({ placed, offset: frameBytes + one.symbol.offset });
      else placed.imm = (placed.imm + valueOf(one.symbol)) | 0;
    }
    frameBytes += aligned(own, BEAT_BYTES);
  }
  const length = aligned(pool.end, BEAT_BYTES) - base;
  const frameBase = aligned(base + length, COMMAND_ALIGNMENT);
  for (const { placed, offset } of frames) placed.imm = (placed.imm + frameBase + offset) | 0;
  const bytes = new Uint8Array(length);
  bytes.set(encodeProgram(linked));
  for (const part of pool.parts) bytes.set(part.bytes, part.address - base);
  return { bytes, instructionBytes, addresses, end: frameBase + frameBytes };
};

const plainOf = ({ op, rd, ra, rb, rc, imm }: LinkedInstruction): { -readonly [K in keyof Instruction]: Instruction[K] } => ({
  op,
  rd,
  ra,
  rb,
  rc,
  imm,
});
