import { at } from '../support/index.ts';

/** Rows of a packed i6 tensor: one per index of axis 0 (output channel); a tensor of rank 0 or 1 is one row. */
export const packedRows = (shape: readonly number[]): { readonly rows: number; readonly length: number } => {
  const count = shape.reduce((n, d) => n * d, 1);
  if (shape.length < 2) return { rows: 1, length: count };
  const rows = shape[0] ?? 0;
  return { rows, length: rows === 0 ? 0 : count / rows };
};

/** Bytes of a packed i6 tensor: each row is padded to a multiple of four values, three bytes each (NUMERICS §3). */
export const packedBytes = (shape: readonly number[]): number => {
  const { rows, length } = packedRows(shape);
  return length === 0 ? 0 : rows * Math.ceil(length / 4) * 3;
};

/** Packs values -31..31: code = v & 63; b0 = v0 | v1 << 6, b1 = v1 >> 2 | v2 << 4, b2 = v2 >> 4 | v3 << 2. */
export const pack6 = (data: ArrayLike<number>, shape: readonly number[]): Uint8Array => {
  const out = new Uint8Array(packedBytes(shape));
  const { rows, length } = packedRows(shape);
  if (length === 0) return out;
  let o = 0;
  for (let row = 0; row < rows; row++) {
    const end = (row + 1) * length;
    for (let i = row * length; i < end; i += 4) {
      const code = (k: number): number => (i + k < end ? at(data, i + k) & 63 : 0);
      const word = code(0) | (code(1) << 6) | (code(2) << 12) | (code(3) << 18);
      out[o++] = word & 255;
      out[o++] = (word >> 8) & 255;
      out[o++] = word >> 16;
    }
  }
  return out;
};

export type Unpacked =
  | { readonly ok: true; readonly data: Int8Array }
  | { readonly ok: false; readonly offset: number; readonly problem: string };

/** Unpacks; rejects code 32 (-32) and padding that is not zero. @param packed - exactly `packedBytes(shape)` bytes */
export const unpack6 = (packed: Uint8Array, shape: readonly number[]): Unpacked => {
  const { rows, length } = packedRows(shape);
  const data = new Int8Array(rows * length);
  // Any number of empty rows is no work.
  if (length === 0) return { ok: true, data };
  let p = 0;
  for (let row = 0; row < rows; row++) {
    const end = (row + 1) * length;
    for (let i = row * length; i < end; i += 4, p += 3) {
      const word = (packed[p] ?? 0) | ((packed[p + 1] ?? 0) << 8) | ((packed[p + 2] ?? 0) << 16);
      const count = Math.min(4, end - i);
      if (count < 4 && word >> (6 * count) !== 0) return { ok: false, offset: p, problem: `padding of row ${row} is not zero` };
      for (let k = 0; k < count; k++) {
        // Sign extension of six bits.
        const value = (word << (26 - 6 * k)) >> 26;
        if (value === -32) return { ok: false, offset: p, problem: `element ${i + k} is code 32 (-32)` };
        data[i + k] = value;
      }
    }
  }
  return { ok: true, data };
};
