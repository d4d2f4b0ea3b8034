import { EVMError, type ExecResult, type PrecompileInput } from '@ethereumjs/evm';
import { readInputCall, readSignature } from './signature.ts';
import { DataUnavailable } from './engine.ts';
import type { CustomPrecompile } from './evm-types.ts';
import { COLD_LOOK, inferenceGas } from './gas.ts';
import { decodeInput, decodeModel, encodeInput, encodeModel, type InputMeta, type ModelMeta } from './meta.ts';
import { readStatus, unusable } from './model-state.ts';
import type { CvmContext } from './opcodes.ts';
import { packedBytes } from './packing.ts';
import type { CvmParams } from './params.ts';
import { addressAt, blockNumber, outOfGas, reverted } from './precompile-frame.ts';
import { score } from './score.ts';

interface Found {
  readonly meta: ModelMeta;
  readonly input: Uint8Array;
}

/** The model and the input that call data names, or why not. Kind 0: a stored input; kind 1: the rest of the data is the input. */
const find = async (context: CvmContext, { data, _EVM: evm }: PrecompileInput): Promise<Found | string> => {
  const { params } = context;
  const state = evm.stateManager;
  const block = blockNumber(evm);
  const model = addressAt(data, 0);
  const meta = decodeModel(await state.getCode(model));
  const status = meta === undefined ? undefined : await readStatus(state, params, model);
  if (meta === undefined || status === undefined) return 'address holds no model';
  const problem = unusable('model', status, block, params);
  if (problem !== undefined) return problem;
  if (meta.seeded) return 'model has random ops: use INFER or INFERARRAY, which know the calling contract';
  const size = packedBytes(meta.inputs);
  if (data[63] === 1) {
    const input = data.subarray(64);
    return input.length === size ? { meta, input } : `input has ${input.length} bytes, but the model takes ${size}`;
  }
  const account = addressAt(data, 64);
  const stored = decodeInput(await state.getCode(account));
  if (stored === undefined) return 'input address holds no input';
  const early = unusable('input', await readStatus(state, params, account), block, params);
  if (early !== undefined) return early;
  if (stored.rawSize !== BigInt(size)) return `input has ${stored.rawSize} bytes, but the model takes ${size}`;
  return { meta, input: await context.engine.readInput(stored.hash, stored.rawSize) };
};

/**
 * Inference for any contract: call data is `abi.encode(model, 0, input)` for a stored input, or `abi.encode(model, 1)` and the packed
 * inputs behind it. Gives the packed outputs; every problem reverts with a reason, so that a contract can catch it.
 */
const infer =
  (context: CvmContext) =>
  async (call: PrecompileInput): Promise<ExecResult> => {
    const { data, gasLimit } = call;
    const look = data[63] === 1 ? COLD_LOOK : 2n * COLD_LOOK;
    if (look > gasLimit) return outOfGas(gasLimit);
    if (data.length < 64 || data.subarray(32, 63).some((b) => b !== 0) || (data[63] ?? 2) > 1 || (data[63] === 0 && data.length !== 96))
      return reverted('infer', look, 'call data is no abi.encode(model, 0, input) and no abi.encode(model, 1) with bytes behind it');
    try {
      const found = await find(context, call);
      if (typeof found === 'string') return reverted('infer', look, found);
      const price = inferenceGas(found.meta.operations, found.meta.fee);
      const gas = look + price;
      if (gas > gasLimit) return outOfGas(gasLimit);
      const request = { ...found, seed: [0, 0] } as const;
      const output = await context.engine.infer(request);
      if (typeof output === 'string') return reverted('infer', gas, output);
      context.inferred({ ...request, model: addressAt(data, 0), output, gas: price });
      return { returnValue: output, executionGasUsed: gas };
    } catch (error) {
      if (!(error instanceof DataUnavailable)) throw error;
      context.unavailable(error);
      return { ...outOfGas(gasLimit), exceptionError: new EVMError(EVMError.errorMessages.INTERNAL_ERROR) };
    }
  };

/** Checking bytecode is linear in its length. */
const VERIFY_BASE = 3_000n;
const VERIFY_PER_BYTE = 8n;

/** Size in bytes and hash, a word each, and the code of the account that is to be made. */
const registration = (meta: Pick<ModelMeta, 'rawSize' | 'hash'>, code: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(64 + code.length);
  new DataView(bytes.buffer).setBigUint64(24, meta.rawSize);
  bytes.set(meta.hash, 32);
  bytes.set(code, 64);
  return bytes;
};

/**
 * The code of the account of a model (kind 0) or a stored input (kind 1), in call data behind the kind; a word each. Model: fee, author,
 * block, length of the record at the root of its package, then the record and the bytecode. Input: hash, size, block, then its
 * dimensions. Nobody has to trust the one who registers a model: hash, signature and cost follow from these bytes.
 */
const verify =
  (params: CvmParams) =>
  ({ data, gasLimit }: PrecompileInput): ExecResult => {
    const gas = VERIFY_BASE + VERIFY_PER_BYTE * BigInt(data.length);
    if (gas > gasLimit) return outOfGas(gasLimit);
    const kind = data.subarray(0, 32).every((b, i) => b === 0 || i === 31) ? data[31] : undefined;
    const rest = data.subarray(32);
    const answer = (meta: ModelMeta | InputMeta | string, encode: () => Uint8Array): ExecResult =>
      typeof meta === 'string' ? reverted('verify', gas, meta) : { returnValue: registration(meta, encode()), executionGasUsed: gas };
    if (kind === 0) {
      const meta = readSignature(rest, params);
      return answer(meta, () => encodeModel(meta as ModelMeta));
    }
    if (kind === 1) {
      const meta = readInputCall(rest);
      return answer(meta, () => encodeInput(meta as InputMeta));
    }
    return reverted('verify', gas, 'kind is neither 0, a model, nor 1, an input');
  };

export const cvmPrecompiles = (context: CvmContext): CustomPrecompile[] => [
  { address: context.params.inferPrecompile, function: infer(context) },
  { address: context.params.verifyPrecompile, function: verify(context.params) },
  { address: context.params.scorePrecompile, function: score(context) },
];
