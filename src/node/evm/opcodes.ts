import type { Common } from '@ethereumjs/common';
import { EVMError } from '@ethereumjs/evm';
import { Address, bigIntToAddressBytes, bigIntToBytes, bytesToBigInt, setLengthLeft } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { DataUnavailable, type Inference, type InferenceEngine } from './engine.ts';
import type { CustomOpcode, RunState } from './evm-types.ts';
import { accountGas, inferenceGas, memoryGas, slotGas } from './gas.ts';
import { decodeInput, decodeModel, type ModelMeta } from './meta.ts';
import { readStatus, statusSlot, unusable } from './model-state.ts';
import { packedBytes } from './packing.ts';
import type { CvmParams } from './params.ts';
import type { Pulse } from './pulse.ts';
import { revertReason } from './revert-reason.ts';
import { seedOf } from './seed.ts';

export const INFER = 0xc0;
export const INFERARRAY = 0xc1;

/** What the gas function found out and the opcode itself needs. */
type Plan = { readonly reason: string } | { readonly meta: ModelMeta; readonly capacity: number; readonly read: () => Promise<Uint8Array> };

/** What a node keeps beside the chain while opcodes run. */
export interface CvmContext {
  readonly params: CvmParams;
  readonly engine: InferenceEngine;
  /** Lets others run while the EVM does. */
  readonly pulse: Pulse;
  /** Told when a file is missing: what runs now has no result. */
  readonly unavailable: (error: DataUnavailable) => void;
  /** Told of every inference that was paid for. */
  readonly inferred: (inference: Inference) => void;
}

const addressOf = (word: bigint): Address => new Address(bigIntToAddressBytes(word & (2n ** 160n - 1n)));
const wordBytes = (value: bigint): Uint8Array => setLengthLeft(bigIntToBytes(value), 32);

const seedBlock = (rs: RunState, common: Common): Parameters<typeof seedOf>[0] => {
  const { header } = rs.env.block;
  // the getter of the one throws where the other is meant
  const random = common.isActivatedEIP(4399) ? header.prevRandao : wordBytes(header.difficulty);
  return { number: header.number, timestamp: header.timestamp, random };
};

type ReadInput = (
  rs: RunState,
  common: Common,
  operand: bigint,
  meta: ModelMeta,
) => Promise<{ readonly gas: bigint; readonly reason: string } | { readonly gas: bigint; readonly read: () => Promise<Uint8Array> }>;

const sameShape = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** INFER: the operand is the address of a stored input. */
const storedInput =
  (context: CvmContext): ReadInput =>
  async (rs, common, operand, meta) => {
    const account = addressOf(operand);
    const gas = accountGas(rs, common, account) + slotGas(rs, common, context.params.registry, statusSlot(account));
    const input = decodeInput(await rs.stateManager.getCode(account));
    if (input === undefined) return { gas, reason: 'input address holds no input' };
    const state = unusable('input', await readStatus(rs.stateManager, context.params, account), rs.env.block.header.number, context.params);
    if (state !== undefined) return { gas, reason: state };
    const [first] = meta.inputs;
    if (first === undefined || meta.inputs.length !== 1)
      return { gas, reason: `model takes ${meta.inputs.length} inputs, but INFER reads one: use INFERARRAY with all of them` };
    if (!sameShape(first.shape, input.shape))
      return { gas, reason: `input is [${input.shape.join(',')}], but the model takes [${first.shape.join(',')}]` };
    const size = BigInt(packedBytes(meta.inputs));
    if (input.rawSize !== size) return { gas, reason: `input has ${input.rawSize} bytes, but the model takes ${size}` };
    return { gas, read: () => context.engine.readInput(input.hash, input.rawSize) };
  };

/** INFERARRAY: the operand is the slot of a `uint256[]` in the storage of the running contract. */
const storageArray = (): ReadInput => async (rs, common, operand, meta) => {
  const account = rs.interpreter.getAddress();
  const slot = wordBytes(operand);
  const size = packedBytes(meta.inputs);
  const wanted = Math.ceil(size / 32);
  let gas = slotGas(rs, common, account, slot);
  const length = bytesToBigInt(await rs.stateManager.getStorage(account, slot));
  if (length !== BigInt(wanted))
    return { gas, reason: `array has ${length} words, but the inputs of the model are ${size} bytes, ${wanted} words` };
  const start = bytesToBigInt(keccak_256(slot));
  const slots = Array.from({ length: wanted }, (_, i) => wordBytes((start + BigInt(i)) % 2n ** 256n));
  for (const s of slots) {
    gas += slotGas(rs, common, account, s);
    // a frame that cannot pay reads nothing
    if (gas > rs.gasLeft) throw new EVMError(EVMError.errorMessages.OUT_OF_GAS);
  }
  const read = async (): Promise<Uint8Array> => {
    const bytes = new Uint8Array(32 * wanted);
    for (const [i, s] of slots.entries()) bytes.set(setLengthLeft(await rs.stateManager.getStorage(account, s), 32), 32 * i);
    return bytes.subarray(0, size);
  };
  return { gas, read };
};

/** Prices an inference and finds what stands in its way, before anything is allocated or run. */
const plan = async (
  context: CvmContext,
  readInput: ReadInput,
  rs: RunState,
  base: bigint,
  common: Common,
): Promise<readonly [bigint, Plan]> => {
  const [modelWord = 0n, operand = 0n, offset = 0n] = rs.stack.peek(3);
  const { params } = context;
  const model = addressOf(modelWord);
  let gas = base + accountGas(rs, common, model);
  const meta = decodeModel(await rs.stateManager.getCode(model));
  // what is no model behaves as the opcode does in an EVM that lacks it
  if (meta === undefined) throw new EVMError(EVMError.errorMessages.INVALID_OPCODE);
  gas += slotGas(rs, common, params.registry, statusSlot(model));
  const status = await readStatus(rs.stateManager, params, model);
  // anyone can write an account that looks like a model; the registry knows which are
  if (status === undefined) throw new EVMError(EVMError.errorMessages.INVALID_OPCODE);
  const state = unusable('model', status, rs.env.block.header.number, params);
  if (state !== undefined) return [gas, { reason: state }];
  const input = await readInput(rs, common, operand, meta);
  gas += input.gas;
  if ('reason' in input) return [gas, { reason: input.reason }];
  gas += memoryGas(rs, common, offset, 32n, gas);
  const words = bytesToBigInt(rs.memory.read(Number(offset), 32));
  gas += memoryGas(rs, common, offset, 32n + 32n * words, gas);
  const size = packedBytes(meta.outputs);
  if (words * 32n < BigInt(size))
    return [
      gas,
      { reason: `output array has ${words} words, but the outputs of the model are ${size} bytes, ${Math.ceil(size / 32)} words` },
    ];
  gas += inferenceGas(meta.operations, meta.fee);
  return [gas, { meta, capacity: 32 * Number(words), read: input.read }];
};

/** Waits for the engine; a missing file ends the frame, and whoever runs the transaction learns that it has no result. */
const whenThere = async <T>(context: CvmContext, wait: Promise<T>): Promise<T> => {
  try {
    return await wait;
  } catch (error) {
    if (!(error instanceof DataUnavailable)) throw error;
    context.unavailable(error);
    throw new EVMError(EVMError.errorMessages.INTERNAL_ERROR);
  }
};

const opcode = (context: CvmContext, code: number, opcodeName: string, readInput: ReadInput): CustomOpcode => {
  const plans = new WeakMap<RunState, Plan>();
  return {
    opcode: code,
    opcodeName,
    baseFee: 0,
    gasFunction: async (rs, base, common) => {
      const [gas, planned] = await plan(context, readInput, rs, base, common);
      plans.set(rs, planned);
      return gas;
    },
    logicFunction: async (rs, common) => {
      const planned = plans.get(rs);
      plans.delete(rs);
      const [modelWord = 0n, , offset = 0n] = rs.stack.popN(3);
      if (planned === undefined) throw new EVMError(EVMError.errorMessages.INTERNAL_ERROR);
      if ('reason' in planned) return rs.interpreter.revert(revertReason(`${opcodeName}: ${planned.reason}`));
      const { meta, capacity, read } = planned;
      const input = await whenThere(context, read());
      const model = addressOf(modelWord);
      const seed = seedOf(seedBlock(rs, common), model, rs.interpreter.getAddress(), input);
      const output = await whenThere(context, context.engine.infer({ meta, input, seed }));
      if (typeof output === 'string') return rs.interpreter.revert(revertReason(`${opcodeName}: ${output}`));
      context.inferred({ model, meta, input, seed, output, gas: inferenceGas(meta.operations, meta.fee) });
      const payload = new Uint8Array(capacity);
      payload.set(output);
      rs.memory.write(Number(offset) + 32, capacity, payload);
      rs.stack.push(1n);
    },
  };
};

/** The two opcodes of the CVM. Stack, top first: model, input or slot, offset of a `uint256[]` in memory; leaves 1. */
export const cvmOpcodes = (context: CvmContext): CustomOpcode[] => [
  opcode(context, INFER, 'INFER', storedInput(context)),
  opcode(context, INFERARRAY, 'INFERARRAY', storageArray()),
];
