export {
  type BlockPlace,
  CHUNK_BYTES,
  chunkBytes,
  chunkCount,
  decodeChunk,
  type EncodedParameter,
  encodeParameter,
  longestBlock,
  MAX_RATIO,
  STORED_AS,
  storedBytes,
  type StoredAs,
} from './codec.ts';
export { readStorage, storageFields, type StorageRecord, type StoredParameter } from './record.ts';
