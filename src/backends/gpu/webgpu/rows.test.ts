import { expect, test } from '@jest/globals';
import { layersProgram } from '../../../../tests/support/emitted-folder.ts';
import { OP_NAMES } from '../../../ir/index.ts';
import { webgpuBackend } from './index.ts';
import { hasRow } from './lower/index.ts';
import { refusalOf, supportOf } from './rows.ts';

test('the ops of convolutional networks are there, and what is refused says why', () => {
  const wanted = [
    'conv',
    'conv_nhwc',
    'dense',
    'matmul',
    'rescale',
    'add_rescale',
    'mul_rescale',
    'table',
    'max_pool',
    'average_pool',
    'global_average_pool',
    'reduce_sum',
    'concat',
    'reshape',
    'clamp',
    'relu',
    'add',
    'pad',
    'slice',
    'transpose',
  ] as const;
  expect(wanted.filter((op) => refusalOf(op) !== undefined)).toEqual([]);
  expect(OP_NAMES.filter((op) => hasRow(op) && supportOf(op) === 'refused')).toEqual([]);
  expect(refusalOf('softmax')).toContain('float32');
  // what has an integer form runs
  expect(OP_NAMES.flatMap((op) => refusalOf(op) ?? []).filter((reason) => !/float32|f32/.test(reason))).toEqual([]);
});

test('the backend does not compile and says what to do instead', () => {
  const compiled = webgpuBackend.compile(layersProgram());
  expect(compiled.ok ? [] : compiled.diagnostics.map((d) => d.code)).toEqual(['GPU0011']);
});
