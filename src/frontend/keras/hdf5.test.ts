import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MrlError } from '../../support/index.ts';
import { groupAt, type Hdf5Dataset, type Hdf5Group, longTexts, openHdf5 } from './hdf5/index.ts';

/** Files that h5py wrote: testing/record_hdf5.py. */
const file = (name: string): Uint8Array =>
  new Uint8Array(gunzipSync(readFileSync(join(import.meta.dirname, 'testing', 'hdf5', `${name}.h5.gz`))));
const [old, latest, user] = [file('old'), file('new'), file('user')];

const dataset = (root: Hdf5Group, path: string): Hdf5Dataset => {
  const found = root.get(path);
  if (found?.kind !== 'dataset') throw new Error(`no dataset ${path}`);
  return found;
};
const numbers = (root: Hdf5Group, path: string): readonly number[] => Array.from(dataset(root, path).read(path).data);
const grid = Array.from({ length: 35 }, (_, i) => i / 8);
const codeOf = (f: () => unknown): string => {
  try {
    f();
    return 'none';
  } catch (error) {
    if (error instanceof MrlError) return error.code;
    throw error;
  }
};

describe.each([
  ['symbol tables', old],
  ['links in heaps', latest],
  ['a user block', user],
] as const)('groups, attributes and datasets: %s', (_, bytes) => {
  const root = openHdf5(bytes);

  test('every member of a large group is found, with its attribute', () => {
    const many = groupAt(root, 'many');
    expect(many.names).toHaveLength(200);
    for (const i of [0, 1, 99, 199]) expect(groupAt(many, `layer_${i}`).texts('index')).toEqual([String(i)]);
    expect(root.get('many/layer_200')).toBeUndefined();
    expect(root.get('many/layer_1/more')).toBeUndefined();
  });

  test('texts of fixed and of variable length', () => {
    expect(root.texts('fixed')).toEqual(['one', 'three', '']);
    expect(root.texts('variable')).toEqual(['text of any length: ä']);
    expect(root.texts('variables')).toEqual(['a', 'bc', '']);
    expect(root.texts('long')?.[0]).toHaveLength(50_000);
    expect(root.texts('number')).toBeUndefined();
    expect(root.texts('none')).toBeUndefined();
    const many = groupAt(root, 'many');
    for (const i of [0, 7, 39]) expect(many.texts(`attribute_${i}`)).toEqual([`value ${i}`]);
    expect(longTexts(many, 'attribute_')).toHaveLength(40);
  });

  test('numbers of every type', () => {
    expect(numbers(root, 'data/plain')).toEqual(grid);
    expect(dataset(root, 'data/plain').shape).toEqual([7, 5]);
    expect(numbers(root, 'data/scalar')).toEqual([2.5]);
    expect(dataset(root, 'data/scalar').shape).toEqual([]);
    expect(numbers(root, 'data/empty')).toEqual([]);
    expect(numbers(root, 'data/compact')).toEqual([1, 2, 3, 4]);
    expect(numbers(root, 'data/bool')).toEqual([1, 0, 1]);
    for (const elem of ['float64', 'float16', 'int8', 'int16', 'int32', 'int64'] as const) {
      expect(dataset(root, `data/${elem}`).elem).toBe(elem);
      expect(numbers(root, `data/${elem}`)).toEqual([-3, -2, -1, 0, 1, 2]);
    }
    for (const elem of ['uint8', 'uint16', 'uint32', 'uint64'] as const) expect(numbers(root, `data/${elem}`)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('what is not read is refused by its name', () => {
    expect(codeOf(() => numbers(root, 'data/big'))).toBe('IMP2002');
    expect(codeOf(() => numbers(root, 'data/text'))).toBe('IMP2002');
  });
});

describe('chunks', () => {
  const root = openHdf5(old);
  test('of any shape, with filters, and missing ones', () => {
    expect(numbers(root, 'data/chunked')).toEqual(grid);
    expect(numbers(root, 'data/deflated')).toEqual(grid);
    expect(numbers(root, 'data/partly')).toEqual([...new Array<number>(12).fill(0), ...new Array<number>(12).fill(1.5)]);
    expect(numbers(root, 'data/many_chunks')).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(numbers(root, 'data/cube')).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });
  test('a filter that is not known is refused', () => {
    expect(codeOf(() => numbers(root, 'data/lzf'))).toBe('IMP2002');
  });
});

/** Reads all that there is, with an end: groups in groups as deep as real files go. */
const readAll = (bytes: Uint8Array): void => {
  const walk = (group: Hdf5Group, depth: number): void => {
    for (const a of ['fixed', 'variable', 'variables', 'long', 'attribute_3', 'index']) codeOf(() => group.texts(a));
    for (const name of group.names.slice(0, 12)) {
      codeOf(() => {
        const member = group.get(name);
        if (member?.kind === 'group' && depth < 3) walk(member, depth + 1);
        else if (member?.kind === 'dataset') member.read(name);
      });
    }
  };
  codeOf(() => walk(openHdf5(bytes), 0));
};

describe('hostile files end in coded problems', () => {
  test('truncations', () => {
    for (const bytes of [old, latest]) for (let n = 0; n < bytes.length; n += 997) readAll(bytes.subarray(0, n));
  });

  test('changed bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(old, latest),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 8, 127, 128, 255)), {
          minLength: 1,
          maxLength: 8,
        }),
        (bytes, changes) => {
          const bad = bytes.slice();
          // most structure is near the start
          for (const [where, value] of changes) bad[Math.floor(where ** 3 * bad.length)] = value;
          readAll(bad);
        },
      ),
      { numRuns: 150, seed: 8 },
    );
  });

  test('addresses that point at other blocks', () => {
    // every aligned word that holds an address in the file is set to another one in turn
    const view = new DataView(old.buffer, old.byteOffset, old.byteLength);
    const places: number[] = [];
    for (let at = 0; at + 8 <= old.length; at += 8) {
      const value = view.getBigUint64(at, true);
      if (value > 0n && value < BigInt(old.length)) places.push(at);
    }
    const targets = [0, 96, 800, 2048];
    places.forEach((at, i) => {
      if (i % 29 !== 0) return;
      const bad = old.slice();
      new DataView(bad.buffer).setBigUint64(at, BigInt(targets[i % targets.length] ?? 0), true);
      readAll(bad);
    });
    expect(places.length).toBeGreaterThan(500);
  });

  test('a tree that is part of itself', () => {
    const bad = old.slice();
    const text = new TextDecoder('latin1').decode(bad);
    const view = new DataView(bad.buffer);
    let trees = 0;
    for (let at = text.indexOf('TREE'); at >= 0; at = text.indexOf('TREE', at + 1)) {
      // its first child is itself, one level down
      view.setUint8(at + 5, 1);
      view.setBigUint64(at + 32, BigInt(at), true);
      trees++;
    }
    expect(trees).toBeGreaterThan(2);
    expect(codeOf(() => groupAt(openHdf5(bad), 'many'))).toBe('IMP1001');
  });

  test('a shape that the file cannot hold', () => {
    const bad = latest.slice();
    const view = new DataView(bad.buffer);
    // dataspaces of 7 x 5, version 2
    for (let at = 0; at + 20 < bad.length; at++)
      if (view.getUint8(at) === 2 && view.getUint8(at + 1) === 2 && view.getBigUint64(at + 4, true) === 7n)
        view.setBigUint64(at + 4, 2n ** 50n, true);
    expect(codeOf(() => numbers(openHdf5(bad), 'data/plain'))).toMatch(/^IMP100[157]$/);
  });
});
