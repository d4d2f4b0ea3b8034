import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { fillBytes } from './elements.ts';
import type { BigParameter } from './model.ts';

const PART = 2 ** 22;
const NUMPY = { i8: '|i1', i32: '<i4' } as const;

const npyHeader = ({ dtype, shape }: BigParameter): Uint8Array => {
  const list = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${NUMPY[dtype]}', 'fortran_order': False, 'shape': (${list}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11, ' ');
  const bytes = new Uint8Array(10 + padded.length + 1);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (padded.length + 1) & 255, (padded.length + 1) >> 8]);
  bytes.set(new TextEncoder().encode(`${padded}\n`), 10);
  return bytes;
};

/** Numbers of a record, little-endian: width in bytes and value. */
const record = (...fields: readonly (readonly [2 | 4 | 8, number])[]): Uint8Array => {
  const bytes = new Uint8Array(fields.reduce((n, [width]) => n + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
};

const elementsOf = ({ dtype, shape }: BigParameter): number => shape.reduce((n, d) => n * d, dtype === 'i8' ? 1 : 4);

interface Member {
  readonly name: Uint8Array;
  readonly checksum: number;
  readonly size: number;
  readonly offset: number;
}

/** PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.5.3: stored, sizes and offset in 64 bits. */
const localOf = ({ name, checksum, size }: Member): readonly Uint8Array[] => [
  record(
    [4, 0x04034b50],
    [2, 45],
    [2, 0],
    [2, 0],
    [2, 0],
    [2, 33],
    [4, checksum],
    [4, 0xffffffff],
    [4, 0xffffffff],
    [2, name.length],
    [2, 20],
  ),
  name,
  record([2, 1], [2, 16], [8, size], [8, size]),
];
const centralOf = ({ name, checksum, size, offset }: Member): readonly Uint8Array[] => [
  record([4, 0x02014b50], [2, 45], [2, 45], [2, 0], [2, 0], [2, 0], [2, 33], [4, checksum], [4, 0xffffffff], [4, 0xffffffff]),
  record([2, name.length], [2, 28], [2, 0], [2, 0], [2, 0], [4, 0], [4, 0xffffffff]),
  name,
  record([2, 1], [2, 24], [8, size], [8, size], [8, offset]),
];

/** Writes a .npz (zip64) with the parameters, one after another, holding a part of one at a time. */
export const writeArchive = (path: string, parameters: readonly BigParameter[]): void => {
  const file = openSync(path, 'w');
  let at = 0;
  const put = (parts: readonly Uint8Array[]): void => {
    for (const part of parts) for (let done = 0; done < part.length; ) done += writeSync(file, part, done, part.length - done, at + done);
    for (const part of parts) at += part.length;
  };
  const putAll = (parts: readonly Uint8Array[]): void => parts.forEach((part) => put([part]));
  try {
    const members = parameters.map((parameter): Member => {
      const offset = at;
      const name = new TextEncoder().encode(`${parameter.name}.npy`);
      const header = npyHeader(parameter);
      const total = elementsOf(parameter);
      const member = { name, checksum: 0, size: header.length + total, offset };
      putAll([...localOf(member), header]);
      let checksum = crc32(header);
      for (let start = 0; start < total; start += PART) {
        const bytes = new Uint8Array(Math.min(PART, total - start));
        fillBytes(parameter, start, bytes);
        checksum = crc32(bytes, checksum);
        put([bytes]);
      }
      const end = at;
      at = offset;
      putAll(localOf({ ...member, checksum }));
      at = end;
      return { ...member, checksum };
    });
    const directory = at;
    for (const member of members) putAll(centralOf(member));
    const [size, count] = [at - directory, members.length];
    const end = at;
    put([record([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, size], [8, directory])]);
    put([record([4, 0x07064b50], [4, 0], [8, end], [4, 1])]);
    put([record([4, 0x06054b50], [2, 0], [2, 0], [2, 0xffff], [2, 0xffff], [4, 0xffffffff], [4, 0xffffffff], [2, 0])]);
  } finally {
    closeSync(file);
  }
};
