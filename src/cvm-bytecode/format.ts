import { type Diagnostic, diagnostic, fail, MrlError, ok, type Result, ByteError, type ListedCode } from '../support/index.ts';
import type { DType } from '../ir/index.ts';

/** `\0cvm` */
export const MAGIC: readonly number[] = [0x00, 0x63, 0x76, 0x6d];
export const BYTECODE_VERSION = 1;

/** Sections in their one order (docs/bytecode.md). */
export const SECTIONS = ['types', 'parameters', 'code', 'exports', 'bounds'] as const;
export type SectionName = (typeof SECTIONS)[number];
export const sectionId = (name: SectionName): number => SECTIONS.indexOf(name) + 1;

/** How a parameter's decoded elements are laid out: one way per dtype. Entropy coding is a matter of storage (docs/adr/0007). */
export const ENCODINGS = ['i8', 'i16', 'i32', 'u8', 'bool', 'f32', 'i6-packed'] as const;
export type Encoding = (typeof ENCODINGS)[number];
export const encodingOf = (dtype: DType): Encoding => (dtype === 'i6' ? 'i6-packed' : dtype);

/** Consensus limits: part of the format, equal on every machine. */
export const LIMITS = {
  nodes: 1_000_000,
  values: 2_000_000,
  /** Operands of one node, and entries of one list attribute. */
  list: 4096,
  /** Size of one dimension; other dimensions may be 0. */
  dimension: 2 ** 31 - 1,
  nameBytes: 255,
  /** Decoded bytes of all parameters. */
  parameterBytes: 2 ** 33,
  /** Parameters plus the greatest set of run-time values alive at once. */
  memoryBytes: 2 ** 34,
  /** Element visits of the interval proof: elements of the constant operands of each node, with repetition. */
  proofElements: 2 ** 34,
  /** Per-channel intervals that the interval proof holds. */
  proofChannels: 2 ** 22,
  /** Uses of composite ops, and the sum of their results' dimensions and list attributes: what writing out their definitions takes. */
  composites: 100_000,
  compositeSizes: 2 ** 26,
  /** Arithmetic operations of one run; above it costs are not exact numbers. */
  operations: Number.MAX_SAFE_INTEGER,
} as const;

export const limitProblem = (what: string, found: number, limit: number, where?: string): Diagnostic =>
  diagnostic('CVM1009', `${what}: ${found} but at most ${limit}`, { where });

/** `byte 123` or `byte 123 (conv)`. */
export const atByte = (offset: number, what?: string): string => (what === undefined ? `byte ${offset}` : `byte ${offset} (${what})`);

/** Stops a read with a coded problem at a byte offset; `attempt` turns it into a `Result`. Never leaves this folder. */
export const reject = (code: ListedCode, message: string, offset: number, what?: string): never => {
  throw new MrlError([diagnostic(code, message, { where: atByte(offset, what) })]);
};

/**
 * Runs a reader over hostile bytes: byte errors and rejections become a failed `Result`. Anything else is a bug and goes on.
 * @param code - the code of byte-level problems (too short, not the shortest form, bad UTF-8)
 */
export const attempt = <T>(code: ListedCode, read: () => T): Result<T> => {
  try {
    return ok(read());
  } catch (error) {
    if (error instanceof ByteError) return fail(diagnostic(code, error.message, { where: atByte(error.offset) }));
    if (error instanceof MrlError && error.code !== 'INT0001') return fail(...error.diagnostics);
    throw error;
  }
};

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u;

/** Why a text is not fit for a name or a one-line field: control, format and line-break characters, lone surrogates. */
export const textProblem = (text: string, maxBytes: number): string | undefined => {
  const bad = CONTROL.exec(text);
  if (bad !== null) return `holds the character U+${(bad[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  const bytes = new TextEncoder().encode(text).length;
  return bytes > maxBytes ? `has ${bytes} bytes but at most ${maxBytes} are allowed` : undefined;
};

/** Names of inputs and outputs: legal one by one, and all different. */
export const nameProblems = (what: string, names: readonly string[], where?: string): Diagnostic[] => {
  const seen = new Set<string>();
  return names.flatMap((name, i) => {
    const problem = name === '' ? 'is empty' : textProblem(name, LIMITS.nameBytes);
    if (problem !== undefined) return [diagnostic('CVM1011', `name of ${what} ${i} ${problem}`, { where })];
    if (seen.size === seen.add(name).size) return [diagnostic('CVM1011', `${what} ${i} has the name ${name} of another`, { where })];
    return [];
  });
};
