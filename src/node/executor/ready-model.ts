import { type AsyncExecutable, type Backend, compileAny } from '../../backends/index.ts';
import { decodePackage } from '../../cvm-bytecode/index.ts';
import { type StaticType, type Tensor, valueBytes } from '../../ir/index.ts';
import type { ByteSource, Code } from '../../support/index.ts';
import { packTensors, unpackTensors } from '../evm/packing.ts';
import { seedIndex } from '../evm/signature.ts';

/** A model ready to run, or one that every node with the file refuses in the same words. */
export interface ReadyModel {
  readonly refused?: string;
  /** Where the chain's seed stands among the inputs. */
  readonly seed: number | undefined;
  readonly executable?: AsyncExecutable;
  /** What it holds, as its backend says. */
  readonly bytes: number;
}

/**
 * What is wrong with the contents of blocks that have the digests that the root names: everyone who has them finds the same. All other
 * problems are of the file that this node has.
 */
const FAULTS_OF_THE_MODEL: ReadonlySet<Code> = new Set(['CVM1013', 'CVM1014', 'CVM1015', 'CVM2006', 'CVM2007', 'CVM2011']);

/** How reasons begin that are of the file, not of what this node can run. */
const UNDAMAGED = 'undamaged';
const READABLE = 'readable';

/** Why a package cannot be read at all. */
export const unreadable = (reason: string): string => `${READABLE} package (${reason})`;

/** Whether a reason is of the file: the store is to look at it. */
export const isDamage = (reason: string): boolean => reason.startsWith(UNDAMAGED) || reason.startsWith(READABLE);

/** Bytes of a model that is refused. */
const REFUSED_BYTES = 64;

/**
 * Checks every block of a package and compiles its program.
 * @returns a text: why this node cannot run it, which says nothing of the model
 */
export const readyModel = async (file: ByteSource, backend: Backend, threads: number): Promise<ReadyModel | string> => {
  const decoded = decodePackage(file);
  if (!decoded.ok) {
    const codes = decoded.diagnostics.map((d) => d.code);
    // a file that is damaged here says nothing of the model
    if (!codes.every((code) => FAULTS_OF_THE_MODEL.has(code))) return `${UNDAMAGED} package (${codes.join(', ')})`;
    return { refused: `package is refused: ${codes.join(', ')}`, seed: undefined, bytes: REFUSED_BYTES };
  }
  const { program, cost } = decoded.value;
  const compiled = await compileAny(backend, program, { threads });
  // a backend that cannot run what the bytecode allows is this node's trouble, never the chain's
  if (!compiled.ok) return `${backend.name} cannot run (${compiled.diagnostics[0]?.message ?? ''}) package`;
  const executable = compiled.value;
  const { memory } = executable;
  const bytes = memory === undefined ? cost.parameterBytes + valueBytes(program) : memory.parameters + memory.arena;
  return { seed: seedIndex(program), executable, bytes };
};

/** What a request for an inference says besides its model. */
export interface PackedRequest {
  /** Types of the inputs that the contract gives. */
  readonly types: readonly StaticType[];
  readonly input: Uint8Array;
  readonly seed: readonly [number, number];
}

/** Packed results; a text: why the input is refused, in the same words on every node. */
export const runPacked = async (model: ReadyModel, { types, input, seed }: PackedRequest): Promise<Uint8Array | string> => {
  const { refused = '', executable } = model;
  if (executable === undefined) return refused;
  const given = unpackTensors(types, input);
  if ('value' in given) return `element ${given.index} of input ${given.port} is ${given.value}, which its type does not hold`;
  const inputs: Tensor[] = [...given];
  if (model.seed !== undefined) inputs.splice(model.seed, 0, { dtype: 'i32', shape: [2], data: Int32Array.from(seed) });
  return packTensors(await executable.run(inputs));
};
