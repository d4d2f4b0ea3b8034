import { EVMError, type ExecResult, type PrecompileInput } from '@ethereumjs/evm';
import { type Address, bytesToBigInt } from '@ethereumjs/util';
import type { StaticType } from '../../ir/index.ts';
import { DataUnavailable } from './engine.ts';
import type { CustomPrecompile } from './evm-types.ts';
import { COLD_LOOK, inferenceGas } from './gas.ts';
import { decodeInput, decodeModel, type InputMeta, type ModelMeta } from './meta.ts';
import { readStatus, unusable } from './model-state.ts';
import type { CvmContext } from './opcodes.ts';
import { packedBytes, unpackTensors } from './packing.ts';
import { addressAt, blockNumber, outOfGas, reverted } from './precompile-frame.ts';

/** Bytes of one file of a test set: a node holds it whole while it counts. */
export const MAX_TEST_SET_BYTES = 2n ** 26n;
/** A file is hashed when it is read: the price of the precompile SHA-256, a word of 32 bytes. */
const READ_PER_WORD = 12n;

const readGas = (bytes: bigint): bigint => READ_PER_WORD * ((bytes + 31n) / 32n);

/** Samples of a test set: how many, and the shape of each. Labels: u8 or i32, the most significant byte first. */
export interface TestSetShape {
  readonly samples: number;
  readonly sampleShape: readonly number[];
  readonly labelBytes: 1 | 4;
}

const list = (shape: readonly number[]): string => `[${shape.join(',')}]`;

/** What two stored inputs are as a test set; a text says why they are none. */
export const testSetOf = (images: InputMeta, labels: InputMeta): TestSetShape | string => {
  const [samples, ...sampleShape] = images.shape;
  if (samples === undefined || samples === 0) return `images are ${list(images.shape)}, but take samples as their first dimension`;
  if (labels.shape.length !== 1 || labels.shape[0] !== samples)
    return `labels are ${list(labels.shape)}, but ${list([samples])} belong to images of ${list(images.shape)}`;
  const size = images.rawSize > labels.rawSize ? images.rawSize : labels.rawSize;
  if (size > MAX_TEST_SET_BYTES) return `a file of the test set has ${size} bytes, the limit is ${MAX_TEST_SET_BYTES}`;
  if (labels.rawSize === BigInt(samples)) return { samples, sampleShape, labelBytes: 1 };
  if (labels.rawSize === 4n * BigInt(samples)) return { samples, sampleShape, labelBytes: 4 };
  return `labels have ${labels.rawSize} bytes, but ${samples} of them are ${samples} bytes as u8 or ${4 * samples} as i32`;
};

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** Why a model cannot be scored on a test set; undefined: it can. */
export const unfit = (
  model: Pick<ModelMeta, 'inputs' | 'outputs' | 'seeded'>,
  images: InputMeta,
  set: TestSetShape,
): string | undefined => {
  if (model.seeded) return 'model has random ops: its accuracy would depend on the block';
  const [input] = model.inputs;
  if (input === undefined || model.inputs.length !== 1) return `model takes ${model.inputs.length} inputs, but a test set has one`;
  const [batch, ...rest] = input.shape;
  // a model of the shape [1, …] takes samples of […] as well
  if (!same(set.sampleShape, input.shape) && !(batch === 1 && same(set.sampleShape, rest)))
    return `samples are ${list(set.sampleShape)}, but the model takes ${list(input.shape)}`;
  const wanted = BigInt(packedBytes([input])) * BigInt(set.samples);
  if (images.rawSize !== wanted) return `images have ${images.rawSize} bytes, but ${set.samples} inputs of the model are ${wanted}`;
  const [output] = model.outputs;
  const classes = output?.shape.reduce((n, d) => n * d, 1) ?? 0;
  return classes < 2 ? `first output of the model is ${list(output?.shape ?? [])}: there are no classes to choose from` : undefined;
};

/** Index of the greatest element of the first output; the first of equals. undefined: an element is no number. */
export const classOf = (outputs: readonly StaticType[], packed: Uint8Array): number | undefined => {
  const [first] = outputs;
  if (first === undefined) return undefined;
  const tensors = unpackTensors([first], packed.subarray(0, packedBytes([first])));
  if ('value' in tensors) return undefined;
  const data = tensors[0]?.data ?? [];
  let best = 0;
  for (let i = 1; i < data.length; i++) if ((data[i] ?? 0) > (data[best] ?? 0)) best = i;
  return best;
};

/** Label of a sample. */
export const labelAt = (labels: Uint8Array, width: 1 | 4, i: number): number =>
  width === 1 ? (labels[i] ?? -1) : new DataView(labels.buffer, labels.byteOffset, labels.byteLength).getInt32(4 * i);

/** Numbers as words of the contract ABI; bytes as they are. */
const wordsOf = (...values: readonly (bigint | Uint8Array)[]): Uint8Array => {
  const bytes = new Uint8Array(32 * values.length);
  for (const [i, v] of values.entries())
    if (v instanceof Uint8Array) bytes.set(v, 32 * i);
    else new DataView(bytes.buffer).setBigUint64(32 * i + 24, v);
  return bytes;
};

interface Stored {
  readonly images: InputMeta;
  readonly labels: InputMeta;
}

const DESCRIBE_BYTES = 64;
const SCORE_BYTES = 160;
const TWO_64 = 2n ** 64n;

/** The registered inputs that call data names at an offset. `ready`: those that blocks can use already. */
const inputsAt = async (
  context: CvmContext,
  { data, _EVM: evm }: PrecompileInput,
  at: number,
  ready: boolean,
): Promise<Stored | string> => {
  const found: InputMeta[] = [];
  for (const [i, what] of ['images', 'labels'].entries()) {
    const account = addressAt(data, at + 32 * i);
    const meta = decodeInput(await evm.stateManager.getCode(account));
    const status = meta === undefined ? undefined : await readStatus(evm.stateManager, context.params, account);
    if (meta === undefined || status === undefined) return `address of ${what} holds no input`;
    const problem = ready ? unusable('input', status, blockNumber(evm), context.params) : undefined;
    if (problem !== undefined) return `${what}: ${problem}`;
    found.push(meta);
  }
  const [images, labels] = found as [InputMeta, InputMeta];
  return { images, labels };
};

/** `abi.encode(images, labels)`: number of samples, hashes of both, and the block in which the first of them was registered. */
const describe = async (context: CvmContext, call: PrecompileInput, gas: bigint): Promise<ExecResult> => {
  const stored = await inputsAt(context, call, 0, false);
  if (typeof stored === 'string') return reverted('score', gas, stored);
  const { images, labels } = stored;
  const set = testSetOf(images, labels);
  if (typeof set === 'string') return reverted('score', gas, set);
  const first = images.block < labels.block ? images.block : labels.block;
  return { returnValue: wordsOf(BigInt(set.samples), images.hash, labels.hash, first), executionGasUsed: gas };
};

interface Job extends Stored {
  readonly model: Address;
  readonly meta: ModelMeta;
  readonly set: TestSetShape;
  readonly from: number;
  readonly count: number;
}

const jobOf = async (context: CvmContext, call: PrecompileInput): Promise<Job | string> => {
  const { data, _EVM: evm } = call;
  const model = addressAt(data, 0);
  const meta = decodeModel(await evm.stateManager.getCode(model));
  const status = meta === undefined ? undefined : await readStatus(evm.stateManager, context.params, model);
  if (meta === undefined || status === undefined) return 'address holds no model';
  const problem = unusable('model', status, blockNumber(evm), context.params);
  if (problem !== undefined) return problem;
  const stored = await inputsAt(context, call, 32, true);
  if (typeof stored === 'string') return stored;
  const set = testSetOf(stored.images, stored.labels);
  if (typeof set === 'string') return set;
  const misfit = unfit(meta, stored.images, set);
  if (misfit !== undefined) return misfit;
  const [from, count] = [bytesToBigInt(data.subarray(96, 128)), bytesToBigInt(data.subarray(128, 160))];
  if (count === 0n || count >= TWO_64 || from >= TWO_64 || from + count > BigInt(set.samples))
    return `samples ${from} to ${from + count} are asked for, but the test set has ${set.samples}`;
  return { ...stored, model, meta, set, from: Number(from), count: Number(count) };
};

/**
 * Accuracy of a model on labelled samples: call data is `abi.encode(model, images, labels, from, count)`. Gives how many of the samples
 * had the greatest element of the first output (the first of equals) at the index that their label says, how many there were, and the
 * block in which the model was registered. Every problem reverts with a reason. Gas: three accounts, the reading of both files, and an
 * inference for each sample.
 */
export const score =
  (context: CvmContext): CustomPrecompile['function'] =>
  async (call: PrecompileInput): Promise<ExecResult> => {
    const { data, gasLimit } = call;
    const looks = data.length === DESCRIBE_BYTES ? 2n * COLD_LOOK : 3n * COLD_LOOK;
    if (looks > gasLimit) return outOfGas(gasLimit);
    if (data.length === DESCRIBE_BYTES) return describe(context, call, looks);
    if (data.length !== SCORE_BYTES)
      return reverted('score', looks, 'call data is no abi.encode(model, images, labels, from, count) and no abi.encode(images, labels)');
    const job = await jobOf(context, call);
    if (typeof job === 'string') return reverted('score', looks, job);
    const { meta, images, labels, count } = job;
    const price = inferenceGas(meta.operations, meta.fee);
    const gas = looks + readGas(images.rawSize) + readGas(labels.rawSize) + BigInt(count) * price;
    if (gas > gasLimit) return outOfGas(gasLimit);
    try {
      const correct = await countCorrect(context, job, price);
      return typeof correct === 'string'
        ? reverted('score', gas, correct)
        : { returnValue: wordsOf(BigInt(correct), BigInt(count), meta.block), executionGasUsed: gas };
    } catch (error) {
      if (context.pulse.ended) return outOfGas(gasLimit);
      if (!(error instanceof DataUnavailable)) throw error;
      context.unavailable(error);
      return { ...outOfGas(gasLimit), exceptionError: new EVMError(EVMError.errorMessages.INTERNAL_ERROR) };
    }
  };

const countCorrect = async (context: CvmContext, job: Job, price: bigint): Promise<number | string> => {
  const { model, meta, images, labels, set, from, count } = job;
  const pixels = await context.engine.readInput(images.hash, images.rawSize);
  const expected = await context.engine.readInput(labels.hash, labels.rawSize);
  const size = pixels.length / set.samples;
  let correct = 0;
  for (let i = from; i < from + count; i++) {
    if (context.pulse.ended) return 'the call took too long';
    await context.pulse.beat();
    const request = { meta, input: pixels.subarray(i * size, (i + 1) * size), seed: [0, 0] } as const;
    const output = await context.engine.infer(request);
    if (typeof output === 'string') return `sample ${i}: ${output}`;
    context.inferred({ ...request, model, output, gas: price });
    if (classOf(meta.outputs, output) === labelAt(expected, set.labelBytes, i)) correct++;
  }
  return correct;
};
