import { DTYPE_INFO, type DType, type Tensor, tensorBytes } from '../../ir/index.ts';
import { compareCodeUnits } from '../../support/index.ts';

/** How the format calls the dtypes; i6 is held in bytes. */
const NAMES: Readonly<Record<DType, string>> = { f32: 'F32', i32: 'I32', i16: 'I16', i8: 'I8', u8: 'U8', bool: 'BOOL', i6: 'I8' };

/** The header ends on this many bytes, so that tensors are aligned when the file is mapped. */
const ALIGNMENT = 8;

/**
 * Tensors in the safetensors format: the length of the header (8 bytes, little-endian), the header in JSON with dtype, shape and
 * place of each tensor, then their bytes without gaps. Wide elements come first, so that each is aligned.
 * https://github.com/huggingface/safetensors#format
 */
export const encodeSafetensors = (tensors: readonly { readonly name: string; readonly tensor: Tensor }[]): Uint8Array => {
  const ordered = [...tensors].sort(
    (a, b) => DTYPE_INFO[b.tensor.dtype].bytes - DTYPE_INFO[a.tensor.dtype].bytes || compareCodeUnits(a.name, b.name),
  );
  let offset = 0;
  const header: Record<string, unknown> = {};
  const pieces = ordered.map(({ name, tensor }) => {
    const bytes = tensorBytes(tensor);
    header[name] = { dtype: NAMES[tensor.dtype], shape: tensor.shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    return bytes;
  });
  const json = JSON.stringify(header);
  const bare = new TextEncoder().encode(json);
  const text = new Uint8Array(Math.ceil(bare.length / ALIGNMENT) * ALIGNMENT).fill(0x20);
  text.set(bare);
  const file = new Uint8Array(8 + text.length + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  let place = 8 + text.length;
  for (const piece of pieces) {
    file.set(piece, place);
    place += piece.length;
  }
  return file;
};
