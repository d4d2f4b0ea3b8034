export {
  blockCid,
  blockCidBytes,
  type BlockName,
  type BlockPlace,
  blockPlaces,
  blockPrefix,
  packageBlocks,
  plainFileBytes,
  type PackageBlocks,
  readBlockCid,
  readBlockCidBytes,
} from './blocks.ts';
export type { CheckedModule, Cost } from './check.ts';
export { decodeProgram, type LoadParam, loadFrom, verifyWithParams } from './decode.ts';
export { disassemble } from './disassemble.ts';
export { encodeProgram } from './encode.ts';
export { BYTECODE_VERSION, type Encoding, LIMITS } from './format.ts';
export {
  type ComputedMetadata,
  computedMetadata,
  type PackageMetadata,
  portMetadata,
  type PortMetadata,
  type Preprocessing,
  readMetadata,
  type SourceProvenance,
} from './metadata.ts';
export type { FloatParameter } from './float-parameters.ts';
export { type PackageFront, readFront } from './front.ts';
export {
  completeMetadata,
  decodePackage,
  encodePackage,
  isPackage,
  layPackage,
  type MetadataInput,
  type Package,
  type PackageContents,
  type PackageStorage,
  rewritePackage,
} from './package.ts';
export type { PackageFile } from './lay-out.ts';
export type { ParameterStorage } from './parts.ts';
export type { ParamRef, RawModule } from './read.ts';
export { type PeekedPackage, peekPackage } from './peek.ts';
export { PackageStream, type StreamedChunk, type StreamedFront } from './stream.ts';
export { bytecodeCost, type BytecodeCost, type Header, isBytecode, readHeader, verifyBytecode } from './verify.ts';
export { CHUNK_BYTES, decodeChunk, encodeParameter, MAX_RATIO, STORED_AS, type StoredAs } from './storage/index.ts';
