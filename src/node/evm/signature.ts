import { bytesToBigInt } from '@ethereumjs/util';
import { readFront } from '../../cvm-bytecode/index.ts';
import { isStaticType, type Program, MAX_RANK, type StaticType, typeOf } from '../../ir/index.ts';
import type { CvmParams } from './params.ts';
import { type InputMeta, MAX_FEE, type ModelMeta } from './meta.ts';

/** Inputs of the program that a contract gives, and whether the chain gives the seed. */
const portsOf = (program: Program, ports: Program['inputs']): readonly StaticType[] =>
  ports.map(({ value }) => typeOf(program, value)).filter(isStaticType);

const isSeed = (program: Program, port: Program['inputs'][number]): boolean => {
  const { dtype, shape } = typeOf(program, port.value);
  return port.name === 'seed' && dtype === 'i32' && shape.length === 1 && shape[0] === 2;
};

/** Where the chain's seed stands among the inputs of a program; undefined: it takes none. */
export const seedIndex = (program: Program): number | undefined => {
  const i = program.inputs.findIndex((port) => isSeed(program, port));
  return i < 0 ? undefined : i;
};

const wordAt = (data: Uint8Array, i: number): bigint => bytesToBigInt(data.subarray(32 * i, 32 * i + 32));

/** Words before the record: fee, author, block, length of the record. */
const HEAD_WORDS = 4;

/**
 * The metadata of a model, from the call data of a registration.
 * @returns what will be the code of its account; a text says why not
 */
export const readSignature = (data: Uint8Array, params: Pick<CvmParams, 'maxOperations' | 'maxRunBytes'>): ModelMeta | string => {
  if (data.length < 32 * HEAD_WORDS) return `call data has ${data.length} bytes, but at least ${32 * HEAD_WORDS} are needed`;
  const [fee, , block, length] = [0, 1, 2, 3].map((i) => wordAt(data, i)) as [bigint, bigint, bigint, bigint];
  if (fee > MAX_FEE) return `fee is ${fee} gas, the limit is ${MAX_FEE}`;
  const rest = data.subarray(32 * HEAD_WORDS);
  if (length > BigInt(rest.length)) return `record is ${length} bytes, but ${rest.length} are given`;
  const front = readFront(rest.subarray(0, Number(length)), rest.subarray(Number(length)));
  if (!front.ok) return front.diagnostics.map((d) => `${d.code} ${d.message}`).join('; ');
  const { modelHash, skeleton, cost, bytes } = front.value;
  if (BigInt(cost.operations) > params.maxOperations)
    return `a run takes ${cost.operations} operations, the limit is ${params.maxOperations}`;
  if (BigInt(cost.memoryBytes) > params.maxRunBytes)
    return `a run takes ${cost.memoryBytes} bytes of memory, the limit is ${params.maxRunBytes}`;
  const seed = seedIndex(skeleton);
  return {
    comment: '',
    hash: modelHash,
    rawSize: BigInt(bytes),
    fee,
    author: data.slice(32 + 12, 64),
    block: block & (2n ** 64n - 1n),
    operations: BigInt(cost.operations),
    inputs: portsOf(
      skeleton,
      skeleton.inputs.filter((_, i) => i !== seed),
    ),
    outputs: portsOf(skeleton, skeleton.outputs),
    seeded: seed !== undefined,
  };
};

/** Words before the dimensions: hash, size, block. */
const INPUT_WORDS = 3;
/** Elements of four bytes at most, of fewer than 2^31. */
const MAX_INPUT_BYTES = 2n ** 33n;

/** The metadata of a stored input, from the call data of a registration; a text says why not. */
export const readInputCall = (data: Uint8Array): InputMeta | string => {
  const words = data.length / 32;
  if (!Number.isInteger(words) || words < INPUT_WORDS || words > INPUT_WORDS + MAX_RANK)
    return `call data has ${data.length} bytes, but ${32 * INPUT_WORDS} and 32 for each of up to ${MAX_RANK} dimensions are needed`;
  const shape = Array.from({ length: words - INPUT_WORDS }, (_, i) => wordAt(data, INPUT_WORDS + i));
  if (shape.some((d) => d >= 2n ** 31n)) return `shape is [${shape.join(',')}], dimensions are below 2^31`;
  const size = wordAt(data, 1);
  if (size === 0n || size > MAX_INPUT_BYTES) return `size is ${size} bytes, the limit is ${MAX_INPUT_BYTES}`;
  return { comment: '', hash: data.slice(0, 32), rawSize: size, shape: shape.map(Number), block: wordAt(data, 2) & (2n ** 64n - 1n) };
};
