import type { Program } from '../ir/index.ts';
import { diagnostic, fail, ok, type Result, sha256 } from '../support/index.ts';
import { equalBytes, readRecord } from './car.ts';
import type { Cost } from './check.ts';
import { attempt } from './format.ts';
import { MAX_BYTECODE_BYTES, MAX_ROOT_BYTES, readRoot } from './parts.ts';
import { verifyBytecode } from './verify.ts';

/** What the record at the root of a package and its bytecode tell, without parameters. */
export interface PackageFront {
  /** SHA-256 of the record: the model's identity. */
  readonly modelHash: Uint8Array;
  /** The program without parameter data. Not to be run. */
  readonly skeleton: Program;
  readonly cost: Cost;
  /** Bytes of the record, the bytecode and the decoded parameters. */
  readonly bytes: number;
}

/** Checks that the record is one of a package and names this bytecode, and the bytecode itself; in time linear in both. */
export const readFront = (record: Uint8Array, bytecode: Uint8Array): Result<PackageFront> => {
  if (record.length > MAX_ROOT_BYTES || bytecode.length > MAX_BYTECODE_BYTES)
    return fail(diagnostic('CVM2005', `record of ${record.length} and bytecode of ${bytecode.length} bytes are above the limits`));
  const root = attempt('CVM2005', () => readRoot(readRecord(record)));
  if (!root.ok) return root;
  if (!equalBytes(root.value.bytecode.multihash.digest, sha256(bytecode)))
    return fail(diagnostic('CVM2005', 'the record names other bytecode', { where: 'root' }));
  const checked = verifyBytecode(bytecode);
  if (!checked.ok) return checked;
  const { skeleton, cost } = checked.value;
  return ok({ modelHash: sha256(record), skeleton, cost, bytes: record.length + bytecode.length + cost.parameterBytes });
};
