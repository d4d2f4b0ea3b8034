/** Bytes of a .params file, one word after another. */
export class Bytes {
  private readonly parts: number[] = [];
  u32(v: number): this {
    for (let i = 0; i < 4; i++) this.parts.push((v >>> (8 * i)) & 255);
    return this;
  }
  u64(v: number): this {
    return this.u32(v % 2 ** 32).u32(Math.floor(v / 2 ** 32));
  }
  raw(bytes: Uint8Array): this {
    this.parts.push(...bytes);
    return this;
  }
  floats(values: readonly number[]): this {
    return this.raw(new Uint8Array(Float32Array.from(values).buffer));
  }
  done(): Uint8Array {
    return Uint8Array.from(this.parts);
  }
}

const DEVICE = [1, 0] as const;
const device = (b: Bytes): Bytes => b.u32(DEVICE[0]).u32(DEVICE[1]);

export interface TestArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** One array as each version writes it: 0 without magic and with 32-bit dimensions, 1 with them in 64 bits, 2 with storage types, 3 numpy. */
export const array = (version: 0 | 1 | 2 | 3, { shape, values }: TestArray): Uint8Array => {
  const b = new Bytes();
  if (version > 0) b.u32([0, 0xf993fac8, 0xf993fac9, 0xf993faca][version] ?? 0);
  if (version > 1) b.u32(0);
  b.u32(shape.length);
  for (const d of shape) {
    if (version === 0) b.u32(d);
    else b.u64(d);
  }
  return device(b).u32(0).floats(values).done();
};

/** Rows at the given places of an array of the second version. */
export const rowSparse = (shape: readonly number[], rows: readonly number[], values: readonly number[]): Uint8Array => {
  const b = new Bytes().u32(0xf993fac9).u32(1);
  b.u32(shape.length).u64(rows.length);
  for (const d of shape.slice(1)) b.u64(d);
  b.u32(shape.length);
  for (const d of shape) b.u64(d);
  device(b).u32(0).u32(6).u32(1).u64(rows.length).floats(values);
  for (const r of rows) b.u64(r);
  return b.done();
};

/** A list of arrays that are bytes already. */
export const paramsOf = (arrays: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Uint8Array => {
  const b = new Bytes().u64(0x112).u64(0).u64(arrays.length);
  for (const { bytes } of arrays) b.raw(bytes);
  b.u64(arrays.length);
  for (const { name } of arrays) b.u64(name.length).raw(new TextEncoder().encode(name));
  return b.done();
};
export const params = (version: 0 | 1 | 2 | 3, arrays: readonly TestArray[]): Uint8Array =>
  paramsOf(arrays.map((a) => ({ name: a.name, bytes: array(version, a) })));

export interface TestNode {
  readonly op: string;
  readonly name: string;
  readonly inputs?: readonly (readonly [number, number, number?])[];
  readonly [field: string]: unknown;
}

export const symbol = (nodes: readonly TestNode[], heads: unknown, version?: number): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({
      nodes: nodes.map((n) => ({ inputs: [], ...n })),
      heads,
      ...(version === undefined ? {} : { attrs: { mxnet_version: ['int', version] } }),
    }),
  );
