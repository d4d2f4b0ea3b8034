export { CORTEX_UPLOADS, Cvm, type CvmOptions, type UploadRules } from './evm/cvm.ts';
export { DataUnavailable, type InferenceEngine, type InferenceRequest } from './evm/engine.ts';
export { inferenceGas } from './evm/gas.ts';
export { decodeInput, decodeModel, type InputMeta, type ModelMeta } from './evm/meta.ts';
export { packedBytes, packTensors, unpackTensors } from './evm/packing.ts';
export { type CvmParams, DEFAULT_PARAMS } from './evm/params.ts';
export { createEngine, type EngineOptions, type LocalEngine, type ObjectSource } from './executor/engine.ts';
export { type CachePolicy, POLICIES, type PolicyName } from './executor/policy.ts';
