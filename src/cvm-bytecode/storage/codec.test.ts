import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalBytes, type DType, DTYPE_INFO, DTYPES, elementCount, type StaticType } from '../../ir/index.ts';
import { ByteWriter, type Result } from '../../support/index.ts';
import { attempt } from '../format.ts';
import { pack6 } from '../pack6.ts';
import { CHUNK_BYTES, chunkCount, decodeChunk, encodeParameter, STORED_AS, storedBytes, type StoredAs } from './codec.ts';
import { canonicalCodes, codeLengths, kraftProblem } from './huffman.ts';
import { writeLengths } from './lengths.ts';

const decode = (type: StaticType, as: StoredAs, block: Uint8Array, index = 0): Result<Uint8Array> =>
  attempt('CVM2002', () => decodeChunk(type, as, block, index, { what: 'parameter 0', offset: 0 }));
const problemOf = (result: Result<unknown>): string =>
  result.ok ? 'accepted' : `${result.diagnostics[0]?.code}: ${result.diagnostics[0]?.message}`;

const storedOf = (type: StaticType, data: ArrayLike<number>): Uint8Array => {
  if (type.dtype === 'i6') return pack6(data, type.shape);
  const elements = DTYPE_INFO[type.dtype].make(data.length);
  for (let i = 0; i < data.length; i++) elements[i] = data[i] ?? 0;
  return canonicalBytes({ ...type, data: elements });
};

/** Every encoding that takes the tensor decodes to its bytes. Returns those that do. */
const roundTrip = (type: StaticType, stored: Uint8Array): readonly StoredAs[] =>
  STORED_AS.filter((as) => {
    const { encoding, blocks } = encodeParameter(type, stored, [as]);
    expect(blocks).toHaveLength(chunkCount(type));
    const chunks = blocks.map((block, i) => {
      const chunk = decode(type, encoding, block, i);
      if (!chunk.ok) throw new Error(`${as} of ${type.dtype}[${type.shape.join()}]: ${problemOf(chunk)}`);
      return chunk.value;
    });
    const joined = new Uint8Array(stored.length);
    chunks.forEach((chunk, i) => joined.set(chunk, i * CHUNK_BYTES));
    if (!joined.every((v, i) => v === stored[i])) throw new Error(`${as} of ${type.dtype}[${type.shape.join()}] decodes to other bytes`);
    return encoding === as;
  });

/** A generator that repeats: values in [0, 1). */
const uniform = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};
/** Roughly bell-shaped integers. */
const bell = (count: number, limit: number, seed: number): Int32Array => {
  const random = uniform(seed);
  return Int32Array.from({ length: count }, () => Math.round(((random() + random() + random() + random()) / 2 - 1) * limit));
};

const dtypes = fc.constantFrom<DType>(...DTYPES);
const shapes = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 3 }),
  fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 90 })),
);

describe('round trip', () => {
  test('tensors of every dtype, few and many values, many zeros', () => {
    const spread = fc.integer({ min: 1, max: 300 });
    const zeros = fc.constantFrom(0, 0.3, 0.95);
    fc.assert(
      fc.property(dtypes, shapes, spread, zeros, fc.nat(), (dtype, shape, values, share, seed) => {
        const { lo, hi } = dtype === 'f32' ? { lo: -1000, hi: 1000 } : DTYPE_INFO[dtype];
        const random = uniform(seed);
        const value = (): number => (random() < share ? 0 : Math.max(lo, Math.min(hi, Math.floor((random() - 0.5) * values))));
        const type = { dtype, shape };
        roundTrip(type, storedOf(type, Array.from({ length: elementCount(shape) }, value)));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('several chunks: words of packed i6 reach over the edge', () => {
    const type: StaticType = { dtype: 'i6', shape: [1001, 1403] };
    const stored = storedOf(type, bell(elementCount(type.shape), 31, 5));
    expect(stored.length).toBeGreaterThan(CHUNK_BYTES);
    expect(roundTrip(type, stored)).toEqual(['plain', 'huffman']);
  });

  test('the encodings win where they should', () => {
    const best = (type: StaticType, data: ArrayLike<number>): StoredAs => encodeParameter(type, storedOf(type, data)).encoding;
    const weights = bell(4096, 127, 1);
    expect(best({ dtype: 'i8', shape: [64, 64] }, weights)).toBe('huffman');
    expect(
      best(
        { dtype: 'i8', shape: [64, 64] },
        weights.map((v, i) => (i % 10 === 0 ? v : 0)),
      ),
    ).toBe('sparse');
    expect(
      best(
        { dtype: 'i32', shape: [64] },
        weights.slice(0, 64).map((v) => 1_000_000 + (v & 3)),
      ),
    ).toBe('codebook');
    const random = uniform(3);
    expect(
      best(
        { dtype: 'u8', shape: [4096] },
        Array.from({ length: 4096 }, () => Math.floor(random() * 256)),
      ),
    ).toBe('plain');
    expect(best({ dtype: 'i8', shape: [0] }, [])).toBe('plain');
  });

  test('bell-shaped weights come within 1 % of their entropy', () => {
    const data = bell(1 << 18, 127, 9);
    const counts = new Map<number, number>();
    for (const v of data) counts.set(v, (counts.get(v) ?? 0) + 1);
    let bits = 0;
    for (const n of counts.values()) bits -= n * Math.log2(n / data.length);
    const type: StaticType = { dtype: 'i8', shape: [512, 512] };
    const { blocks } = encodeParameter(type, storedOf(type, data), ['huffman']);
    expect(blocks.reduce((n, b) => n + b.length, 0) * 8).toBeLessThan(1.01 * bits);
  });
});

describe('code lengths', () => {
  /** Total size of Huffman's own code, without a limit. */
  const unlimited = (counts: readonly number[]): number => {
    const open = counts.filter((n) => n > 0).sort((a, b) => a - b);
    let total = open.length === 1 ? (open[0] ?? 0) : 0;
    while (open.length > 1) {
      const sum = (open.shift() ?? 0) + (open.shift() ?? 0);
      total += sum;
      open.splice(open.findIndex((n) => n >= sum) < 0 ? open.length : open.findIndex((n) => n >= sum), 0, sum);
    }
    return total;
  };

  test('complete, at most 12 bits, and optimal where the limit does not bind', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(0), fc.nat(1000)), { minLength: 1, maxLength: 64 }), (counts) => {
        if (counts.every((n) => n === 0)) return;
        const lengths = codeLengths(counts);
        expect(kraftProblem(lengths)).toBeUndefined();
        expect(Math.max(...lengths)).toBeLessThanOrEqual(12);
        const total = counts.reduce((n, count, i) => n + count * (lengths[i] ?? 0), 0);
        if (Math.max(...lengths) < 12) expect(total).toBe(unlimited(counts));
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  test('Fibonacci counts would take 24 bits', () => {
    const counts = [1, 1];
    while (counts.length < 25) counts.push((counts.at(-1) ?? 0) + (counts.at(-2) ?? 0));
    const lengths = codeLengths(counts);
    expect(Math.max(...lengths)).toBe(12);
    expect(kraftProblem(lengths)).toBeUndefined();
    expect(codeLengths([0, 7, 0])).toEqual(Uint8Array.of(0, 1, 0));
  });
});

/** A block of one coded plane, written by hand. */
const planeBlock = (lengths: Uint8Array, symbols: readonly number[], streams: 1 | 4 = 1): Uint8Array => {
  const writer = new ByteWriter();
  writer.u8(1);
  writer.bytes(writeLengths(lengths));
  const codes = canonicalCodes(lengths);
  const quarter = Math.ceil(symbols.length / streams);
  const parts = Array.from({ length: streams }, (_, i) => {
    const bits = symbols
      .slice(i * quarter, (i + 1) * quarter)
      .flatMap((s) => Array.from({ length: lengths[s] ?? 0 }, (_b, k) => ((codes[s] ?? 0) >> k) & 1));
    const bytes = new Uint8Array(Math.ceil(bits.length / 8));
    bits.forEach((bit, k) => (bytes[k >> 3] = (bytes[k >> 3] ?? 0) | (bit << (k & 7))));
    return bytes;
  });
  for (const part of parts) writer.uleb(part.length);
  for (const part of parts) writer.bytes(part);
  return writer.finish();
};
const lengthsOf = (entries: readonly (readonly [number, number])[]): Uint8Array => {
  const lengths = new Uint8Array(256);
  for (const [symbol, length] of entries) lengths[symbol] = length;
  return lengths;
};
const bytesOf = (count: number): StaticType => ({ dtype: 'u8', shape: [count] });

describe('blocks that the encoder does not write', () => {
  const pair = lengthsOf([
    [3, 1],
    [9, 1],
  ]);

  test('codes of 15 bits are read, in one stream and in four', () => {
    const deep = lengthsOf([...Array.from({ length: 15 }, (_, i) => [i, i + 1] as const), [15, 15] as const]);
    for (const count of [100, 1024, 4099]) {
      const symbols = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? (i * 7) % 16 : 0));
      expect(decode(bytesOf(count), 'huffman', planeBlock(deep, symbols, count < 1024 ? 1 : 4))).toEqual({
        ok: true,
        value: Uint8Array.from(symbols),
      });
    }
  });

  test('Kraft sum above and below 1, a lone symbol with two bits, no symbol', () => {
    const code = (entries: readonly (readonly [number, number])[]) =>
      problemOf(decode(bytesOf(8), 'huffman', planeBlock(lengthsOf(entries), [3, 3, 3, 3, 3, 3, 3, 3])));
    expect(
      code([
        [3, 1],
        [4, 1],
        [5, 1],
      ]),
    ).toContain('CVM2012: the Kraft sum of the code lengths is 49152/32768');
    expect(
      code([
        [3, 1],
        [4, 2],
      ]),
    ).toContain('CVM2012: the Kraft sum of the code lengths is 24576/32768');
    expect(code([[3, 2]])).toContain('CVM2012: the only symbol has a code of 2 bits');
    expect(code([])).toContain('CVM2012: no symbol has a code');
    expect(code([[3, 1]])).toBe('accepted');
  });

  test('code lengths in another spelling', () => {
    const write = (bits: string) => {
      const bytes = new Uint8Array(Math.ceil(bits.length / 8));
      Array.from(bits, (bit, k) => (bytes[k >> 3] = (bytes[k >> 3] ?? 0) | (Number(bit) << (k & 7))));
      return problemOf(decode(bytesOf(2), 'huffman', Uint8Array.of(1, ...bytes, 1, 0)));
    };
    const run = (n: number): string => `110${[0, 1, 2, 3].map((k) => ((n - 1) >> k) & 1).join('')}`;
    const sixteen = run(16);
    expect(write(sixteen.repeat(15) + run(14) + '1111000' + '0')).toBe('accepted');
    expect(write(sixteen.repeat(15) + run(7) + run(7) + '1111000' + '0')).toContain('runs of symbols');
    expect(write(sixteen.repeat(15) + run(14) + '1111000' + '1111000')).toContain('not in its shortest form');
    expect(write(sixteen.repeat(15) + run(14) + '1110000' + '0')).toContain('a code of 0 bits');
    expect(write(sixteen.repeat(15) + run(14) + '1111111' + '100')).toContain('a code of 16 bits');
    expect(write(sixteen.repeat(15) + run(14) + '1111000' + run(2))).toContain('more than 256 symbols');
    expect(write(sixteen.repeat(15) + run(13) + '1111000' + '1000')).toBe('accepted');
    expect(write(sixteen.repeat(15) + run(13) + '1111000' + '10001')).toContain('bits after the code lengths');
  });

  test('streams: too short, too long, bits after the last symbol, bytes after the last stream', () => {
    const good = planeBlock(pair, [3, 9, 9, 3]);
    expect(problemOf(decode(bytesOf(4), 'huffman', good))).toBe('accepted');
    const edit = (change: (b: Uint8Array) => void) => {
      const block = good.slice();
      change(block);
      return problemOf(decode(bytesOf(4), 'huffman', block));
    };
    const last = good.length - 1;
    expect(edit((b) => (b[last] = (b[last] ?? 0) | 0x10))).toContain('bits after the last symbol are not 0');
    expect(edit((b) => (b[last - 1] = 0))).toContain('cannot hold 4 symbols');
    expect(edit((b) => (b[last - 1] = 200))).toContain('cannot hold 4 symbols');
    expect(edit((b) => (b[0] = 2))).toContain('plane mode 2');
    expect(problemOf(decode(bytesOf(4), 'huffman', Uint8Array.of(...good, 0)))).toContain('1 bytes are left over');
    expect(problemOf(decode(bytesOf(9), 'huffman', planeBlock(pair, [3, 9, 9, 3])))).toContain('cannot hold 9 symbols');
    expect(problemOf(decode(bytesOf(4), 'huffman', good.subarray(0, last)))).toMatch(/^CVM2012: 1 bytes wanted/);
    const lone = planeBlock(
      lengthsOf([[5, 1]]),
      Array.from({ length: 40 }, () => 5),
    );
    for (let bit = 0; bit < 40; bit++) {
      const block = lone.slice();
      const i = lone.length - 5 + (bit >> 3);
      block[i] = (block[i] ?? 0) | (1 << (bit & 7));
      expect(decode(bytesOf(40), 'huffman', block).ok).toBe(false);
    }
  });

  test('sparse: gap bits, counts, escapes at the end, listed zeros, elements outside', () => {
    const values = [0, 0, 7, 0, ...Array.from({ length: 40 }, () => 0), 3, ...Array.from({ length: 50 }, () => 0), 1];
    const type = bytesOf(values.length);
    const { encoding, blocks } = encodeParameter(type, Uint8Array.from(values), ['sparse']);
    const [block = new Uint8Array(0)] = blocks;
    expect(encoding).toBe('sparse');
    const edit = (i: number, value: number) => {
      const changed = block.slice();
      changed[i] = value;
      return problemOf(decode(type, 'sparse', changed));
    };
    expect(edit(0, 3)).toContain('gaps of 3 bits');
    expect(edit(0, 9)).toContain('gaps of 9 bits');
    expect(edit(1, 120)).toContain('do not fit 96 elements');
    expect(edit(2, 1)).toMatch(/do not fit 1 values/);
    expect(problemOf(decode(bytesOf(95), 'sparse', block))).toContain('an element lies at 95');
    expect(edit(block.length - 1, 0)).toMatch(/is listed but 0/);
  });

  test('codebook: order, unused values, bytes', () => {
    const type: StaticType = { dtype: 'i16', shape: [64] };
    const [block = new Uint8Array(0)] = encodeParameter(
      type,
      storedOf(
        type,
        Array.from({ length: 64 }, (_, i) => 500 + (i % 2)),
      ),
      ['codebook'],
    ).blocks;
    expect([...block.subarray(0, 5)]).toEqual([1, 0xf4, 1, 0xf5, 1]);
    expect(
      problemOf(
        decode(
          type,
          'codebook',
          block.map((v, i) => (i === 3 ? 0xf4 : v)),
        ),
      ),
    ).toContain('not above the one before');
    const unused = Uint8Array.of(2, 0xf4, 1, 0xf5, 1, 0xf6, 1, ...block.subarray(5));
    expect(decode(type, 'codebook', unused).ok).toBe(false);
    expect(problemOf(decode(bytesOf(64), 'codebook', block))).toContain('have no codebook');
  });

  test('six-bit codes above 63, and blocks too short for their chunk', () => {
    const type: StaticType = { dtype: 'i6', shape: [4] };
    expect(problemOf(decode(type, 'huffman', Uint8Array.of(0, 1, 64, 3, 4)))).toContain('above 63');
    expect(problemOf(decode(type, 'huffman', Uint8Array.of(0, 1, 2, 3, 4)))).toBe('accepted');
    expect(problemOf(decode(bytesOf(CHUNK_BYTES), 'sparse', Uint8Array.of(8, 0, 0)))).toContain('CVM2015');
    expect(problemOf(decode(bytesOf(64), 'sparse', Uint8Array.of(8, 0, 0, 0)))).toBe('accepted');
    expect(problemOf(decode(bytesOf(5), 'plain', new Uint8Array(4)))).toContain('CVM2009');
  });

  test('all zeros are stored within the ratio, whatever the size', () => {
    const type = bytesOf(CHUNK_BYTES + 100);
    const { encoding, blocks } = encodeParameter(type, new Uint8Array(storedBytes(type)));
    expect(encoding).toBe('huffman');
    blocks.forEach((block, i) => expect(decode(type, encoding, block, i).ok).toBe(true));
  });

  test('changed and cut blocks: a chunk of the right size, or CVM2012 or CVM2015', () => {
    const make = (dtype: DType, count: number, keep: number, seed: number) => {
      const type: StaticType = { dtype, shape: [Math.ceil(count / 8), 8] };
      const data = bell(elementCount(type.shape), dtype === 'i6' ? 31 : 100, seed).map((v, i) => ((i * 31) % 100 < keep ? Math.abs(v) : 0));
      return {
        type,
        stored: storedOf(
          type,
          data.map((v) => (dtype === 'bool' ? v & 1 : v)),
        ),
      };
    };
    const seeds = (['i8', 'i6', 'i32', 'f32', 'bool'] as const).flatMap((dtype, i) =>
      [60, 1500].flatMap((count) =>
        [8, 100].flatMap((keep) => {
          const { type, stored } = make(dtype, count, keep, i);
          return STORED_AS.slice(1).flatMap((as) => {
            const { encoding, blocks } = encodeParameter(type, stored, [as]);
            return encoding === as ? blocks.map((block) => ({ type, as, block })) : [];
          });
        }),
      ),
    );
    expect(new Set(seeds.map((s) => s.as)).size).toBe(3);
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...seeds), edits, fc.option(fc.nat()), ({ type, as, block }, changes, cut) => {
        const changed = block.slice(0, cut === null ? block.length : cut % block.length);
        for (const [i, value] of changes) if (changed.length > 0) changed[Math.min(i % 64, changed.length - 1)] = value;
        const result = decode(type, as, changed);
        if (result.ok) expect(result.value).toHaveLength(storedBytes(type));
        else expect(['CVM2012', 'CVM2015']).toContain(result.diagnostics[0]?.code);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });
});
