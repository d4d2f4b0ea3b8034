import { endorphinOf } from '../ir/index.ts';
import { ByteReader, type Result } from '../support/index.ts';
import { type CheckedModule, checkModule, type Cost } from './check.ts';
import { attempt, type SectionName } from './format.ts';
import { readModule, readPrologue } from './read.ts';

/**
 * The node's shield: checks bytecode without its parameters, in time and memory linear in its length.
 *
 * Checked: magic, version, sections exact; shortest form of every number; opcodes, arities, attribute schemas; each operand
 * before its node; types, every op constraint, every result type; names; canonical order, nothing unused; the type table; one
 * interval per integer result, within its dtype; limits on nodes, values, parameters, memory, operations and proof work.
 * Not checked here: parameter digests and values, and that the intervals are true (`decodeProgram`).
 */
export const verifyBytecode = (bytes: Uint8Array): Result<CheckedModule> => {
  const raw = attempt('CVM1003', () => readModule(bytes));
  return raw.ok ? checkModule(raw.value) : raw;
};

export interface BytecodeCost extends Cost {
  /** Price of one run. */
  readonly endorphin: number;
}

/** Operations, memory and price of one run: from the bytecode alone. */
export const bytecodeCost = (bytes: Uint8Array): Result<BytecodeCost> => {
  const checked = verifyBytecode(bytes);
  if (!checked.ok) return checked;
  const { cost } = checked.value;
  return { ok: true, value: { ...cost, endorphin: endorphinOf(cost.operations) } };
};

export interface Header {
  readonly version: number;
  /** Bytes of each section's payload. */
  readonly sections: readonly { readonly name: SectionName; readonly bytes: number }[];
  readonly inputs: number;
  readonly parameters: number;
  readonly nodes: number;
  readonly outputs: number;
}

/** Counts and sizes of well-formed bytecode; nothing about types is checked. */
export const readHeader = (bytes: Uint8Array): Result<Header> =>
  attempt('CVM1003', () => {
    const raw = readModule(bytes);
    return {
      version: raw.version,
      sections: raw.sections.map(({ name, start, end }) => ({ name, bytes: end - start })),
      inputs: raw.inputs.length,
      parameters: raw.params.length,
      nodes: raw.nodes.length,
      outputs: raw.outputs.length,
    };
  });

/** True when the bytes start like bytecode of any version this build reads. */
export const isBytecode = (bytes: Uint8Array): boolean => attempt('CVM1001', () => readPrologue(new ByteReader(bytes))).ok;
