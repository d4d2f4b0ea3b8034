import { expect, test } from '@jest/globals';
import { type Program, ProgramBuilder } from '../../ir/index.ts';
import { parameterNames } from './parameter-names.ts';

/** y = (x + a) * b, and z = y - a second parameter equal to b. */
const program = (origins: readonly (string | undefined)[], order: readonly (0 | 1 | 2)[], change = 0): Program => {
  const b = new ProgramBuilder('p');
  const x = b.input('x', { dtype: 'i32', shape: [2] });
  const contents = [Int32Array.of(1, 2), Int32Array.of(3, 4 + change), Int32Array.of(3, 4)];
  const params = new Map(order.map((i) => [i, b.param(`p${i}`, { dtype: 'i32', shape: [2], data: contents[i] ?? Int32Array.of() })]));
  const param = (i: 0 | 1 | 2) => params.get(i) ?? x;
  const y = b.emit('mul', [b.emit('add', [x, param(0)], {}), param(1)], {});
  b.output('z', b.emit('sub', [y, param(2)], {}));
  const made = b.finish();
  return { ...made, nodes: made.nodes.map((n, i) => (origins[i] === undefined ? n : { ...n, origin: origins[i] })) } as Program;
};

test('parameters get the names of those with the same contents, in any order, each once', () => {
  const encoded = program(['/add', '/mul', '/sub'], [2, 1, 0]);
  const packed = program([undefined, undefined, undefined], [0, 1, 2]);
  const names = parameterNames(packed, encoded);
  expect(names[0]).toMatch(/^\/add \w+$/);
  expect(
    names
      .slice(1)
      .sort()
      .map((n) => n.split(' ')[0]),
  ).toEqual(['/mul', '/sub']);
});

test('what matches nothing is told by the node that reads it', () => {
  const packed = program([undefined, undefined, undefined], [0, 1, 2], 9);
  expect(parameterNames(packed, program(['/add', '/mul', '/sub'], [0, 1, 2]))[1]).toMatch(/^node 1 \(mul\) \w+$/);
  expect(parameterNames(packed, undefined)[2]).toMatch(/^node 2 \(sub\) \w+$/);
});
