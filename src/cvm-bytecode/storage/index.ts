export {
  CHUNK_BYTES,
  chunkBytes,
  chunksOfBytes,
  encodeChunk,
  encodeChunks,
  chunkCount,
  decodeChunk,
  encodeParameter,
  longestBlock,
  MAX_RATIO,
  STORED_AS,
  storedBytes,
  type StoredAs,
} from './codec.ts';
export { readStorage, storageFields, type StorageRecord, type StoredParameter } from './record.ts';
