import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DTYPE_INFO, type DType, elementCount, type Tensor } from '../../ir/index.ts';
import { type Result, unwrap } from '../../support/index.ts';
import { decodeNpy, encodeNpy } from './npy.ts';

interface RawNpy {
  readonly descr?: string;
  readonly fortran?: boolean;
  readonly shape?: string;
  readonly dict?: string;
  readonly version?: readonly [number, number];
  readonly headerLength?: number;
  readonly data?: readonly number[] | Uint8Array;
}

/** Writes a .npy file by hand, so that decodeNpy is not tested with encodeNpy alone. */
const npy = ({ descr = '<f4', fortran = false, shape = '(1,)', dict, version = [1, 0], headerLength, data = [] }: RawNpy): Uint8Array => {
  const text = dict ?? `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`;
  const header = new TextEncoder().encode(`${text}\n`);
  const length = headerLength ?? header.length;
  const lengthBytes =
    version[0] === 1 ? [length & 255, length >> 8] : [length & 255, (length >> 8) & 255, (length >> 16) & 255, length >>> 24];
  return Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), ...version, ...lengthBytes, ...header, ...data]);
};

const codesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : result.diagnostics.map((d) => d.code));
const messageOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : (result.diagnostics[0]?.message ?? ''));

/** Bytes of one number through DataView. */
const bytesOf = (size: number, set: (view: DataView) => void): number[] => {
  const view = new DataView(new ArrayBuffer(size));
  set(view);
  return [...new Uint8Array(view.buffer)];
};

describe('element types', () => {
  test.each([
    ['<f4', [0, 0, 0xc0, 0x3f], 'f32', 1.5],
    ['>f4', [0x3f, 0xc0, 0, 0], 'f32', 1.5],
    ['<f2', [0x00, 0x3e], 'f32', 1.5],
    ['>f2', [0x80, 0x01], 'f32', -(2 ** -24)],
    ['<f2', [0xff, 0x7b], 'f32', 65504],
    ['<f2', [0x00, 0xfc], 'f32', Number.NEGATIVE_INFINITY],
    ['<f2', [0x01, 0x7e], 'f32', Number.NaN],
    ['<f8', [0, 0, 0, 0, 0, 0, 0xf8, 0xbf], 'f32', -1.5],
    ['>f8', [0xbf, 0xf8, 0, 0, 0, 0, 0, 0], 'f32', -1.5],
    ['|i1', [0x80], 'i8', -128],
    ['|u1', [0xff], 'u8', 255],
    ['<i2', [0x00, 0x80], 'i16', -32768],
    ['>i2', [0x80, 0x00], 'i16', -32768],
    ['<u2', [0xff, 0xff], 'i32', 65535],
    ['<i4', [0, 0, 0, 0x80], 'i32', -(2 ** 31)],
    ['>u4', [0x7f, 0xff, 0xff, 0xff], 'i32', 2 ** 31 - 1],
    ['<i8', [0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff], 'i32', -(2 ** 31)],
    ['>i8', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], 'i32', -2],
    ['>u8', [0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff], 'i32', 2 ** 31 - 1],
    ['|b1', [1], 'bool', 1],
    ['i1', [5], 'i8', 5],
  ] as const)('%s %j is %s %d', (descr, data, dtype, value) => {
    const array = unwrap(decodeNpy(npy({ descr, data })));
    expect([array.dtype, array.shape, array.stored, ...array.data]).toEqual([dtype, [1], descr, value]);
    expect(array.warnings).toEqual([]);
  });

  test.each([
    ['<i8', bytesOf(8, (v) => v.setBigInt64(0, 2n ** 31n, true)), '2147483648'],
    ['>i8', bytesOf(8, (v) => v.setBigInt64(0, -(2n ** 31n) - 1n)), '-2147483649'],
    ['<u8', bytesOf(8, (v) => v.setBigUint64(0, 2n ** 63n, true)), 'about 9223372036854775808'],
    ['<u4', [0, 0, 0, 0x80], '2147483648'],
    ['|b1', [2], '2'],
  ])('%s outside its integer type is refused', (descr, data, value) => {
    const result = decodeNpy(npy({ descr, shape: '(2,)', data: [...new Array<number>(data.length).fill(0), ...data] }));
    expect(codesOf(result)).toEqual(['IO2006']);
    expect(messageOf(result)).toContain(`element 1 of type '${descr}' is ${value}`);
  });

  test('float64 that float32 cannot hold is rounded with a warning', () => {
    const data = [0.1, 0.5, 1e300, Number.NaN].flatMap((x) => bytesOf(8, (v) => v.setFloat64(0, x, true)));
    const array = unwrap(decodeNpy(npy({ descr: '<f8', shape: '(4,)', data }), { name: 'x.npy' }));
    expect([...array.data]).toEqual([Math.fround(0.1), 0.5, Number.POSITIVE_INFINITY, Number.NaN]);
    expect(array.warnings).toMatchObject([{ code: 'IO2007', severity: 'warning', where: 'x.npy' }]);
    expect(array.warnings[0]?.message).toBe("2 of 4 values of type '<f8' are not exact in float32 and were rounded");
  });

  test.each(['|O', '<c8', '<U2', '|S3', '<M8[ns]', '|V4', '<f16', 'f4', '=f4', '|f4', '<i3', '', 'constructor'])(
    '%j is refused',
    (descr) => {
      expect(codesOf(decodeNpy(npy({ descr, data: [0, 0, 0, 0] })))).toEqual(['IO2005']);
    },
  );

  test('records are refused as such', () => {
    const result = decodeNpy(npy({ dict: "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }" }));
    expect([codesOf(result), messageOf(result)]).toEqual([['IO2005'], expect.stringContaining('records')]);
  });
});

describe('header', () => {
  test('versions 1.0, 2.0 and 3.0 are read, others refused', () => {
    for (const major of [1, 2, 3]) expect(codesOf(decodeNpy(npy({ version: [major, 0], data: [0, 0, 0, 0] })))).toEqual([]);
    for (const version of [
      [0, 0],
      [4, 0],
      [1, 1],
    ] as const)
      expect(codesOf(decodeNpy(npy({ version })))).toEqual(['IO2009']);
  });

  test.each([
    "{'shape': (1,), 'fortran_order': False, 'descr': '<f4'}",
    '{"descr": "<f4", "fortran_order": False, "shape": (1L,)}   ',
    "{'descr':'<f4','fortran_order':False,'shape':(1,1,),}",
  ])('%s is read', (dict) => {
    expect(codesOf(decodeNpy(npy({ dict, data: [0, 0, 0, 0] })))).toEqual([]);
  });

  test.each([
    '',
    '{',
    '{}',
    "{'descr': '<f4'}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': false, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 'x'}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f\\x34', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': 'é', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': True, 'fortran_order': False, 'shape': (1,)}",
    "__import__('os').system('true')",
  ])('%s is malformed', (dict) => {
    expect(codesOf(decodeNpy(npy({ dict, data: [0, 0, 0, 0] })))).toEqual(['IO2003']);
  });

  test('what is no NumPy file, or ends in its header, is refused', () => {
    expect(codesOf(decodeNpy(new Uint8Array()))).toEqual(['IO2001']);
    expect(codesOf(decodeNpy(new TextEncoder().encode('PK not an array')))).toEqual(['IO2001']);
    const file = npy({ data: [0, 0, 0, 0] });
    for (const length of [6, 7, 8, 9, 10, 40]) expect(codesOf(decodeNpy(file.subarray(0, length)))).toEqual(['IO2002']);
    expect(codesOf(decodeNpy(npy({ headerLength: 0xffff })))).toEqual(['IO2002']);
    expect(codesOf(decodeNpy(npy({ version: [2, 0], headerLength: 0xffffffff })))).toEqual(['IO2002']);
  });
});

describe('shape', () => {
  test.each([
    ['()', [], 1],
    ['(0,)', [0], 0],
    ['(3, 0, 5)', [3, 0, 5], 0],
    ['(2, 3)', [2, 3], 6],
    ['(1, 1, 1, 1, 1, 1, 1, 2)', [1, 1, 1, 1, 1, 1, 1, 2], 2],
  ] as const)('%s', (shape, dims, count) => {
    const array = unwrap(decodeNpy(npy({ descr: '|u1', shape, data: new Uint8Array(count) })));
    expect([array.shape, array.data.length]).toEqual([dims, count]);
  });

  test('the file has to hold exactly the elements of the shape', () => {
    expect(codesOf(decodeNpy(npy({ shape: '(2,)', data: [0, 0, 0, 0, 0, 0, 0] })))).toEqual(['IO2002']);
    expect(codesOf(decodeNpy(npy({ shape: '(1,)', data: [0, 0, 0, 0, 0] })))).toEqual(['IO2004']);
    expect(codesOf(decodeNpy(npy({ shape: '(2000000000,)' })))).toEqual(['IO2002']);
  });

  test.each([
    '(2147483648,)',
    '(65536, 65536)',
    '(4294967296, 4294967296)',
    '(0, 99999999999999999999999999)',
    `(${'9'.repeat(400)},)`,
    '(1, 1, 1, 1, 1, 1, 1, 1, 1)',
  ])('%s is too large', (shape) => {
    expect(codesOf(decodeNpy(npy({ shape })))).toEqual(['IO2008']);
  });

  test('Fortran order becomes C order', () => {
    const shape = [2, 3, 4] as const;
    const data: number[] = [];
    for (let k = 0; k < 4; k++) for (let j = 0; j < 3; j++) for (let i = 0; i < 2; i++) data.push(100 * i + 10 * j + k);
    const array = unwrap(decodeNpy(npy({ descr: '|u1', fortran: true, shape: '(2, 3, 4)', data })));
    expect([...array.data]).toEqual(
      Array.from({ length: elementCount(shape) }, (_, n) => 100 * Math.floor(n / 12) + 10 * (Math.floor(n / 4) % 3) + (n % 4)),
    );
  });
});

describe('encodeNpy', () => {
  test.each(['test-images.npy', 'test-labels.npy', 'expected-logits.npy'])('writes %s as numpy does', (file) => {
    const bytes = new Uint8Array(readFileSync(new URL(`../../../examples/digits/${file}`, import.meta.url)));
    expect(Buffer.compare(encodeNpy(unwrap(decodeNpy(bytes))), bytes)).toBe(0);
  });

  const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 8 }).filter((shape) => elementCount(shape) <= 4096);
  const stored: readonly DType[] = ['f32', 'i8', 'i16', 'i32', 'u8', 'bool'];

  test.each(stored)('%s survives the round trip', (dtype) => {
    fc.assert(
      fc.property(shapes, fc.infiniteStream(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })), (shape, stream) => {
        const data = DTYPE_INFO[dtype].make(elementCount(shape)).map(() => {
          const bits = stream.next().value ?? 0;
          return dtype === 'bool' ? bits & 1 : dtype === 'f32' ? bits / 3 : bits;
        });
        const tensor: Tensor = { dtype, shape, data };
        const bytes = encodeNpy(tensor);
        const decoded = unwrap(decodeNpy(bytes));
        expect({ dtype: decoded.dtype, shape: decoded.shape, data: decoded.data }).toEqual(tensor);
        expect(bytes.length % 64).toBe(data.byteLength % 64);
      }),
      { seed: 1 },
    );
  });

  test('i6 is written as int8', () => {
    const decoded = unwrap(decodeNpy(encodeNpy({ dtype: 'i6', shape: [2], data: Int8Array.of(-31, 31) })));
    expect([decoded.dtype, ...decoded.data]).toEqual(['i8', -31, 31]);
  });

  test('-0 and the smallest float32 stay', () => {
    const data = Float32Array.of(-0, 2 ** -149, Number.NEGATIVE_INFINITY);
    expect([...unwrap(decodeNpy(encodeNpy({ dtype: 'f32', shape: [3], data }))).data]).toEqual([...data]);
  });
});

describe('hostile bytes', () => {
  const file = npy({ descr: '<f8', fortran: true, shape: '(3, 2)', data: new Uint8Array(48) });

  test('every truncation is a coded diagnostic', () => {
    for (let length = 0; length < file.length; length++) {
      expect(codesOf(decodeNpy(file.subarray(0, length)))[0]).toMatch(/^IO200[12]$/);
    }
  });

  test('every flipped bit gives a tensor or a coded diagnostic, never more elements than bytes', () => {
    for (let bit = 0; bit < file.length * 8; bit++) {
      const flipped = file.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const result = decodeNpy(flipped);
      if (result.ok) expect(result.value.data.length).toBeLessThanOrEqual(file.length);
      else expect(result.diagnostics[0]?.code).toMatch(/^IO200\d$/);
    }
  });

  test('any bytes behind the magic', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        const result = decodeNpy(Uint8Array.from([...file.subarray(0, 6), ...tail]));
        if (!result.ok) expect(result.diagnostics[0]?.code).toMatch(/^IO200\d$/);
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});
