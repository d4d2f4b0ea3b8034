import { expect, test } from '@jest/globals';
import { endorphinOf, programCost, programOperations } from './cost.ts';
import { ProgramBuilder } from './builder.ts';

test('the price is the operations by what one of each op takes; sizes are by operations alone', () => {
  const b = new ProgramBuilder('priced');
  const x = b.input('x', { dtype: 'f32', shape: [1000] });
  b.output('y', b.emit('add', [b.emit('erf', [x], {}), x], {}));
  const program = b.finish();
  // erf counts 8 an element and weighs 108 (docs/endorphin.md), an addition 1 and 1
  expect(programOperations(program)).toBe(9000);
  expect(programCost(program)).toBe(8 * 108 * 1000 + 1000);
  expect([0, 1, 20_000, 20_001, programCost(program)].map(endorphinOf)).toEqual([1, 1, 1, 2, 44]);
});

test('a product weighs 1', () => {
  const b = new ProgramBuilder('network');
  const x = b.input('x', { dtype: 'i8', shape: [1, 64] });
  const w = b.input('w', { dtype: 'i8', shape: [64, 10] });
  b.output('y', b.emit('matmul', [x, w], {}));
  const program = b.finish();
  expect([programOperations(program), programCost(program)]).toEqual([640, 640]);
});
