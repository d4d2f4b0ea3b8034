import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Tensor, TensorDesk } from '../../ir/index.ts';
import { bytesSource, type Result, unwrap } from '../../support/index.ts';
import { openSafetensors } from './index.ts';

/** A file of a header and data. */
const file = (header: object | string, data: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
};
const desk = new TensorDesk(() => undefined);
const tensorsOf = (bytes: Uint8Array): Readonly<Record<string, Result<Tensor>>> =>
  Object.fromEntries([...unwrap(openSafetensors(bytesSource(bytes)))].map(([name, t]) => [name, t.tensor(desk)]));
const codes = (bytes: Uint8Array): readonly string[] => {
  const opened = openSafetensors(bytesSource(bytes));
  if (!opened.ok) return opened.diagnostics.map((d) => d.code);
  return [...opened.value.values()].flatMap((t) => {
    const tensor = t.tensor(desk);
    return tensor.ok ? [] : tensor.diagnostics.map((d) => d.code);
  });
};

test('elements of every type', () => {
  const view = new DataView(new ArrayBuffer(41));
  view.setFloat32(0, 1.5, true);
  view.setFloat64(4, -2.25, true);
  view.setUint16(12, 0x3c00, true); // 1 in float16
  view.setUint16(14, 0x4040, true); // 3 in bfloat16
  view.setInt32(16, -7, true);
  view.setBigInt64(20, 9n, true);
  view.setInt16(28, -300, true);
  view.setUint16(30, 60000, true);
  view.setInt8(32, -5);
  view.setUint8(33, 200);
  view.setUint8(34, 1);
  view.setUint32(37, 77, true);
  const types = [
    ['F32', 4],
    ['F64', 8],
    ['F16', 2],
    ['BF16', 2],
    ['I32', 4],
    ['I64', 8],
    ['I16', 2],
    ['U16', 2],
    ['I8', 1],
    ['U8', 1],
    ['BOOL', 1],
    ['I8', 2],
    ['U32', 4],
  ] as const;
  let at = 0;
  const header = Object.fromEntries(
    types.map(([dtype, bytes], i) => [
      `t${i}`,
      { dtype, shape: bytes === 2 && dtype === 'I8' ? [2, 1] : [], data_offsets: [at, (at += bytes)] },
    ]),
  );
  const got = Object.values(tensorsOf(file({ __metadata__: { format: 'pt' }, ...header }, new Uint8Array(view.buffer)))).map((t) =>
    unwrap(t),
  );
  expect(got.map((t) => [t.dtype, ...t.data])).toEqual([
    ['f32', 1.5],
    ['f32', -2.25],
    ['f32', 1],
    ['f32', 3],
    ['i32', -7],
    ['i32', 9],
    ['i16', -300],
    ['i32', 60000],
    ['i8', -5],
    ['u8', 200],
    ['bool', 1],
    ['i8', 0, 0],
    ['i32', 77],
  ]);
});

describe('what is wrong has a code', () => {
  const one = (more: object = {}): object => ({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...more } });
  const eight = new Uint8Array(8);
  test.each<readonly [string, readonly string[], Uint8Array]>([
    ['nothing', [], file(one(), eight)],
    ['no tensors', [], file({})],
    ['an empty tensor between', [], file({ a: { dtype: 'F32', shape: [0, 3], data_offsets: [0, 0] }, ...one() }, eight)],
    ['spaces behind the header', [], file(`${JSON.stringify(one())}   `, eight)],
    ['an empty file', ['IMP1001'], new Uint8Array(0)],
    ['a header longer than the file', ['IMP1001'], Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d)],
    ['a header of exabytes', ['IMP1001'], Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 0x7b, 0x7d)],
    ['a header that is a list', ['IMP1001'], file('[]')],
    ['a header behind a space', ['IMP1001'], file(' {}')],
    ['a header that is no JSON', ['IMP1001'], file('{"w":')],
    [
      'a name twice',
      ['IMP1001'],
      file(
        '{"w":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\\u0077":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
        new Uint8Array(1),
      ),
    ],
    ['a type nobody knows', ['IMP1005'], file(one({ dtype: 'F8_E4M3' }), eight)],
    ['the name of a method as type', ['IMP1005'], file(one({ dtype: 'toString' }), eight)],
    ['a negative size', ['IMP1005'], file(one({ shape: [-2] }), eight)],
    ['sizes beyond 2^31', ['IMP1005'], file(one({ shape: [2 ** 30, 2 ** 30] }), eight)],
    [
      'more dimensions than a program holds',
      ['IMP1005'],
      file(one({ shape: new Array<number>(9).fill(1), data_offsets: [0, 4] }), new Uint8Array(4)),
    ],
    ['fewer bytes than the shape needs', ['IMP1005'], file(one({ data_offsets: [0, 4] }), new Uint8Array(4))],
    ['an end before its begin', ['IMP1005'], file(one({ data_offsets: [8, 0] }), eight)],
    ['a hole in front', ['IMP1005'], file(one({ data_offsets: [4, 12] }), new Uint8Array(12))],
    ['tensors in each other', ['IMP1005'], file({ ...one(), v: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, eight)],
    ['bytes behind the last tensor', ['IMP1001'], file(one(), new Uint8Array(9))],
    ['data that is missing', ['IMP1001'], file(one())],
    ['NaN', ['IMP1008'], file(one(), Uint8Array.of(0, 0, 192, 127, 0, 0, 0, 0))],
    [
      'an integer beyond int32',
      ['IMP1009'],
      file({ w: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0)),
    ],
    ['all tensors that are wrong', ['IMP1005', 'IMP1005'], file({ a: { dtype: 'X', shape: [], data_offsets: [0, 1] }, b: 7 })],
  ])('%s', (_, wanted, bytes) => {
    expect(codes(bytes)).toEqual(wanted);
  });
  test('any header is read, or has a code', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        for (const code of codes(file(`{"w":${text}}`, eight))) expect(code).toMatch(/^IMP/);
      }),
      { numRuns: 1000, seed: 5 },
    );
  });
});
