export { examineOnnx, type OnnxReport } from './examine.ts';
export { importOnnx, type OnnxImport, type OnnxOptions, type OnnxPort, type OnnxSource } from './import.ts';
export type { InputConstant } from './input-constant.ts';
export { NEWEST_OPSET, ONNX_OPS } from './ops/index.ts';
export { functionDigests } from './own-functions.ts';
export { decodeTensorProto, type ExternalFile, type ReadExternal } from './tensor.ts';
export type { NodeReport } from './values.ts';
