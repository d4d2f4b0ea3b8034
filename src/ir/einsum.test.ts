import { expect, test } from '@jest/globals';
import { bindDims, completeAttrs, inferNode, ProgramBuilder } from './builder.ts';
import { evaluateNode, expandInto, runProgram } from './evaluate.ts';
import { Philox } from './numeric/index.ts';
import { randomTensor } from './samples.ts';
import { type DType, DTYPE_INFO, elementCount, type StaticType, type Tensor } from './types.ts';
import { at, unwrap } from '../support/index.ts';

interface Case {
  readonly operands: readonly Tensor[];
  readonly letters: readonly number[];
  readonly result: readonly number[];
}

/** A valid use of einsum with whole numbers so small that every sum is exact in float32, whatever its order. */
const randomCase = (random: Philox): Case => {
  const sizes = Array.from({ length: random.int(1, 5) }, () => random.int(1, 3));
  const float = random.int(0, 1) === 0;
  const number = new Map<number, number>();
  const operands = Array.from({ length: random.int(1, 3) }, () => {
    const term = Array.from({ length: random.int(0, 3) }, () => random.int(0, sizes.length - 1));
    for (const l of term) if (!number.has(l)) number.set(l, number.size);
    const stretched = term.map((l) => random.int(0, 5) === 0 && term.indexOf(l) === term.lastIndexOf(l));
    const shape = term.map((l, i) => (stretched[i] === true ? 1 : at(sizes, l)));
    const dtype: DType = float ? 'f32' : at(['i8', 'u8', 'i32'] as const, random.int(0, 2));
    const data = DTYPE_INFO[dtype].make(elementCount(shape)).map(() => random.int(0, 6));
    return { term, tensor: { dtype, shape, data } };
  });
  const known = [...number.values()].sort(() => random.int(0, 1) - 0.5);
  return {
    operands: operands.map((o) => o.tensor),
    letters: operands.flatMap((o) => o.term.map((l) => number.get(l) ?? 0)),
    result: known.slice(0, random.int(0, known.length)),
  };
};

/** The sum over every index of every letter, term by term. */
const definition = ({ operands, letters, result }: Case): readonly number[] => {
  const sizes: number[] = [];
  let start = 0;
  const terms = operands.map(({ shape }) => {
    const term = letters.slice(start, start + shape.length);
    start += shape.length;
    term.forEach((l, i) => {
      sizes[l] = Math.max(sizes[l] ?? 1, at(shape, i));
    });
    return term;
  });
  const placeOf = (shape: readonly number[], term: readonly number[], index: readonly number[]): number =>
    term.reduce((place, l, i) => place * at(shape, i) + (at(shape, i) === 1 ? 0 : at(index, l)), 0);
  const out = result.map((l) => at(sizes, l));
  const y = new Array<number>(elementCount(out)).fill(0);
  for (let e = 0; e < elementCount(sizes); e++) {
    let rest = e;
    const index = sizes.map((size) => {
      const i = rest % size;
      rest = Math.floor(rest / size);
      return i;
    });
    const product = operands.reduce((p, { shape, data }, k) => p * at(data, placeOf(shape, at(terms, k), index)), 1);
    y[placeOf(out, result, index)]! += product;
  }
  return y;
};

test('random equations: the decomposition is the sum over all indices', () => {
  const random = new Philox(77);
  for (let i = 0; i < 400; i++) {
    const c = randomCase(random);
    const attrs = unwrap(completeAttrs('einsum', { letters: c.letters, result: c.result }));
    const types = unwrap(inferNode('einsum', c.operands, attrs)) as readonly StaticType[];
    const [y] = evaluateNode('einsum', c.operands, attrs, types);
    expect([i, y?.shape, Array.from(y?.data ?? [])]).toEqual([i, at(types, 0).shape, definition(c)]);
  }
});

/** `nqd,nkd->nqk` and others where N, and in the last also M, is bound only after the expansion. */
test.each([
  [
    'batch of both',
    [
      ['N', 2, 3],
      ['N', 4, 3],
    ],
    [0, 1, 2, 0, 3, 2],
    [0, 1, 3],
  ],
  [
    'rows of one',
    [
      ['N', 2, 3],
      [3, 4],
    ],
    [0, 1, 2, 2, 3],
    [0, 3, 1],
  ],
  [
    'columns of the second, in front',
    [
      [2, 3],
      [3, 'N'],
    ],
    [0, 1, 1, 2],
    [2, 0],
  ],
  [
    'stretched',
    [
      ['N', 3],
      [1, 3],
    ],
    [0, 1, 0, 1],
    [1, 0],
  ],
  ['beside a diagonal', [[3, 'N', 3], ['N']], [0, 1, 0, 1], [1, 0]],
  [
    'two symbols',
    [
      ['N', 3],
      [3, 'M'],
    ],
    [0, 1, 1, 2],
    [2, 0],
  ],
] as const)('symbolic dimensions: %s', (_name, shapes, letters, result) => {
  const sizes = new Map([
    ['N', 5],
    ['M', 2],
  ]);
  const attrs = unwrap(completeAttrs('einsum', { letters, result }));
  const builder = new ProgramBuilder('einsum');
  const inputs = shapes.map((shape, i) => builder.input(`x${i}`, { dtype: 'f32', shape }));
  const [y] = expandInto(builder, 'einsum', inputs, attrs);
  builder.output('y', y ?? at(inputs, 0));
  const tensors = shapes.map((shape, i) =>
    randomTensor({ dtype: 'f32', shape: shape.map((d) => (typeof d === 'string' ? (sizes.get(d) ?? 1) : d)) }, new Philox(i)),
  );
  const types = unwrap(inferNode('einsum', tensors, attrs)) as readonly StaticType[];
  const [closed] = evaluateNode('einsum', tensors, attrs, types);
  const [open] = runProgram(unwrap(bindDims(builder.finish(), sizes)), tensors);
  expect(open?.shape).toEqual(closed?.shape);
  open?.data.forEach((v, i) => expect(v).toBeCloseTo(at(Array.from(closed?.data ?? []), i), 4));
});
