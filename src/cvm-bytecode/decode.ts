import {
  DTYPE_INFO,
  elementCount,
  formatType,
  paramDigest,
  type Program,
  proveProgram,
  sameType,
  StoredTensor,
  type Tensor,
} from '../ir/index.ts';
import { at, diagnostic, type Diagnostic, fail, ok, type Result, toHex } from '../support/index.ts';
import type { CheckedModule } from './check.ts';
import { atByte, attempt } from './format.ts';
import type { ParamRef, RawModule } from './read.ts';
import { verifyBytecode } from './verify.ts';
import { weightProblems } from './weights.ts';

/** Finds a parameter's tensor. Its dtype, shape and digest are checked by the caller. */
export type LoadParam = (ref: ParamRef, index: number) => Result<Tensor>;

/** Index of the first element outside the dtype: 0/1 for bool, -31..31 for i6, no NaN in f32. Other dtypes hold what they hold. */
const illegalElement = (tensor: Tensor): number => {
  const { dtype } = tensor;
  if (dtype !== 'f32' && dtype !== 'bool' && dtype !== 'i6') return -1;
  const { data } = tensor;
  if (dtype === 'f32') {
    for (let i = 0; i < data.length; i++) if (data[i] !== data[i]) return i;
    return -1;
  }
  const { lo, hi } = DTYPE_INFO[dtype];
  for (let i = 0; i < data.length; i++) {
    const v = data[i] ?? 0;
    if (v < lo || v > hi) return i;
  }
  return -1;
};

const paramProblem = (ref: ParamRef, tensor: Tensor, where: string): Diagnostic | undefined => {
  const isStored = tensor instanceof StoredTensor;
  if (!sameType(tensor, ref.type) || (!isStored && tensor.data.length !== elementCount(tensor.shape))) {
    return diagnostic('CVM1013', `the bytecode wants ${formatType(ref.type)} but ${formatType(tensor)} was loaded`, { where });
  }
  if (!isStored && tensor.data.constructor !== DTYPE_INFO[tensor.dtype].make(0).constructor) {
    return diagnostic('CVM1013', `the elements of ${tensor.dtype} are not held in the array of that dtype`, { where });
  }
  const digest = paramDigest(tensor);
  if (digest !== toHex(ref.digest)) {
    return diagnostic('CVM1013', `the bytecode names ${toHex(ref.digest)} but the loaded tensor has digest ${digest}`, { where });
  }
  const i = illegalElement(tensor);
  return i < 0
    ? undefined
    : diagnostic('CVM1014', `element ${i} is ${String(tensor.data[i])}, which ${tensor.dtype} does not hold`, { where });
};

/** Names `p0`, `p1`, …, with more p where an input has such a name. */
const paramPrefix = (raw: RawModule): string => {
  const runs = raw.inputs.map(({ name }) => /^(p+)\d+$/.exec(name)?.[1]?.length ?? 0);
  return 'p'.repeat(1 + runs.reduce((a, b) => Math.max(a, b), 0));
};

/** Loads all parameters; lists every one that is missing or wrong. */
const loadParams = ({ raw, skeleton }: CheckedModule, load: LoadParam): Result<Program> => {
  const problems: Diagnostic[] = [];
  const prefix = paramPrefix(raw);
  const params = raw.params.map((ref, i) => {
    const loaded = load(ref, i);
    if (!loaded.ok) problems.push(...loaded.diagnostics);
    else {
      const problem = paramProblem(ref, loaded.value, `parameter ${i}`);
      if (problem !== undefined) problems.push(problem);
    }
    const param = at(skeleton.params, i);
    return { name: `${prefix}${i}`, value: param.value, tensor: loaded.ok ? loaded.value : param.tensor };
  });
  return problems.length > 0 ? fail(...problems) : ok({ ...skeleton, params });
};

/** Problems of one kind that are listed; a hostile file has as many as it likes. */
const MAX_PROBLEMS = 100;

/** Compares the shipped intervals with those that the actual parameters give. Both directions: there is one encoding. */
const proofProblems = ({ raw }: CheckedModule, program: Program): readonly Diagnostic[] => {
  // A composite's definition may not work out for odd sizes, which raises; the verifier has tried it, so this is a second net.
  const attempted = attempt('IR0011', () => proveProgram(program));
  const proof = attempted.ok ? attempted.value : attempted;
  if (!proof.ok) return proof.diagnostics;
  const problems: Diagnostic[] = [];
  let next = 0;
  program.nodes.forEach((node, i) => {
    for (const r of node.results) {
      const range = proof.value.ranges[r];
      if (range === undefined) continue;
      const [lo, hi] = at(raw.bounds, next++);
      if ((lo !== range.lo || hi !== range.hi) && problems.length < MAX_PROBLEMS) {
        problems.push(
          diagnostic('IR0012', `value ${r} of ${node.op} is shipped as [${lo}, ${hi}] but the parameters give [${range.lo}, ${range.hi}]`, {
            where: atByte(at(raw.nodes, i).offset, node.op),
          }),
        );
      }
    }
  });
  return problems;
};

/** Attaches parameters to checked bytecode: digests, values, weight codes and the interval proof, all recomputed. */
export const verifyWithParams = (checked: CheckedModule, load: LoadParam): Result<Program> => {
  const program = loadParams(checked, load);
  if (!program.ok) return program;
  const weights = weightProblems(program.value);
  if (weights.length > 0) return fail(...weights);
  const problems = proofProblems(checked, program.value);
  return problems.length > 0 ? fail(...problems) : program;
};

/**
 * Reads bytecode back into a program, trusting nothing. The program is canonical: `encodeProgram` of it gives the same bytes.
 * @param load - called once per parameter, in order
 */
export const decodeProgram = (bytes: Uint8Array, load: LoadParam): Result<Program> => {
  const checked = verifyBytecode(bytes);
  return checked.ok ? verifyWithParams(checked.value, load) : checked;
};

/** Loads from a program that has the parameters, by digest: for round trips and caches. */
export const loadFrom = (program: Program): LoadParam => {
  const tensors = new Map<string, Tensor>();
  for (const { tensor } of program.params) tensors.set(paramDigest(tensor), tensor);
  return (ref, index) => {
    const tensor = tensors.get(toHex(ref.digest));
    return tensor === undefined
      ? fail(diagnostic('CVM1013', `no parameter has digest ${toHex(ref.digest)}`, { where: `parameter ${index}` }))
      : ok(tensor);
  };
};
