import { elementCount } from '../../ir/index.ts';
import { checkShape, type ElemName, type HostTensor, hostFromBytes } from '../host-tensor.ts';
import { parameterProblem, stop } from '../import-problems.ts';

/** NNEF 1.0, chapter 5.1: a header of 128 bytes, then the elements, little-endian. */
const HEADER_BYTES = 128;
const MAX_DIMENSIONS = 8;

/** Item types; those of quantized values say that graph.quant tells what they stand for. */
const KINDS = ['float', 'uint', 'quint', 'qint', 'int', 'bool'] as const;

const ELEMS: Readonly<Record<string, ElemName>> = {
  float16: 'float16',
  float32: 'float32',
  float64: 'float64',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  bool8: 'bool',
};

export interface StoredTensor {
  readonly host: HostTensor;
  readonly quantized: boolean;
}

/** A .dat file. @throws {MrlError} IMP1005 */
export const readTensorFile = (name: string, bytes: Uint8Array): StoredTensor => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bad = (detail: string): never => stop(parameterProblem(name, detail));
  if (bytes.length < HEADER_BYTES || view.getUint8(0) !== 0x4e || view.getUint8(1) !== 0xef) return bad('its file is no NNEF tensor');
  const major = view.getUint8(2);
  if (major !== 1) return bad(`its file has version ${major}.${view.getUint8(3)}, but 1.0 is read`);
  const [length, rank] = [view.getUint32(4, true), view.getUint32(8, true)];
  if (rank > MAX_DIMENSIONS) return bad(`its file has ${rank} dimensions, the limit is ${MAX_DIMENSIONS}`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(12 + 4 * i, true));
  checkShape(name, shape);
  const [bits, type, vendor] = [view.getUint32(44, true), view.getUint16(48, true), view.getUint16(50, true)];
  if (vendor !== 0) return bad(`its items are of a type of vendor ${vendor}`);
  const kind = KINDS[type] ?? bad(`its items are of type ${type}`);
  const data = bytes.subarray(HEADER_BYTES, HEADER_BYTES + length);
  if (data.length !== length || bytes.length !== HEADER_BYTES + length)
    return bad(`its file says ${length} bytes of data, but ${bytes.length - HEADER_BYTES} are there`);
  if (kind === 'bool' && bits === 1) {
    const count = elementCount(shape);
    if (length !== Math.ceil(count / 8)) return bad(`its file has ${length} bytes for ${count} bits`);
    const flags = Uint8Array.from({ length: count }, (_, i) => ((data[i >> 3] ?? 0) >> (7 - (i & 7))) & 1);
    return { host: { elem: 'bool', shape, data: flags }, quantized: false };
  }
  const elem = ELEMS[`${kind.replace('q', '')}${bits}`] ?? bad(`its items are ${kind} of ${bits} bits`);
  return { host: hostFromBytes(name, elem, shape, data), quantized: kind === 'quint' || kind === 'qint' };
};
