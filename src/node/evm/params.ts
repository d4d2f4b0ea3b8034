import { Address, hexToBytes } from '@ethereumjs/util';

/** What every node of a chain has to agree on. */
export interface CvmParams {
  /** The contract that registers models and inputs; its storage says in which state they are. */
  readonly registry: Address;
  /** Inference for callers that know no INFER. */
  readonly inferPrecompile: Address;
  /** Reads the signature and the cost of a model from its bytecode. */
  readonly verifyPrecompile: Address;
  /** Counts how many labelled samples a model gets right. */
  readonly scorePrecompile: Address;
  /** The contract that keeps test sets and the results of models on them. */
  readonly scores: Address;
  /** Blocks between the end of an upload and the first inference: time for nodes to fetch and prepare the model. */
  readonly matureBlocks: bigint;
  /** Blocks for which a withdrawn model still runs. */
  readonly custodyBlocks: bigint;
  /** Largest package, in bytes: parameters of 8 GB (white paper) and what belongs to them. */
  readonly maxModelBytes: bigint;
  /** Most operations of one inference: a model with more is not registered. */
  readonly maxOperations: bigint;
  /** Most bytes of parameters and values that one inference has in memory, as the bytecode tells. */
  readonly maxRunBytes: bigint;
}

const address = (hex: `0x${string}`): Address => new Address(hexToBytes(hex));

/** Addresses that begin with `CVM` in ASCII: not among the small numbers, which Ethereum keeps for its precompiles and its tests use for accounts. */
export const DEFAULT_PARAMS: CvmParams = {
  registry: address('0x43564d0000000000000000000000000000000001'),
  inferPrecompile: address('0x43564d0000000000000000000000000000000002'),
  verifyPrecompile: address('0x43564d0000000000000000000000000000000003'),
  scorePrecompile: address('0x43564d0000000000000000000000000000000004'),
  scores: address('0x43564d0000000000000000000000000000000005'),
  // those of the main net of the Cortex chain (params/protocol_params.go)
  matureBlocks: 100n,
  custodyBlocks: 100_000n,
  maxModelBytes: 2n ** 33n + 2n ** 28n,
  // as the runtime of the Cortex chain (cvm-runtime, infer_attr.cc): 2^40 operations
  maxOperations: 2n ** 40n,
  maxRunBytes: 2n ** 34n,
};
