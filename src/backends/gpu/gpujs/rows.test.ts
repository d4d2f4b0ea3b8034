import { expect, test } from '@jest/globals';
import { layersProgram } from '../../../../tests/support/emitted-folder.ts';
import { OP_NAMES } from '../../../ir/index.ts';
import { gpujsBackend } from './index.ts';
import { hasRow } from './lower/index.ts';
import { refusalOf, supportOf } from './rows.ts';

test('the ops of convolutional networks are there, and what is refused says why', () => {
  const wanted = [
    'conv',
    'conv_nhwc',
    'conv_transpose',
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
    'argmax',
    'softmax_lut',
    'concat',
    'reshape',
    'flatten',
    'clamp',
    'relu',
    'add',
    'pad',
    'slice',
    'split',
    'transpose',
    'expand',
    'gather',
    'resize',
    'depth_to_space',
    'cast',
  ] as const;
  expect(wanted.filter((op) => refusalOf(op) !== undefined)).toEqual([]);
  expect(OP_NAMES.filter((op) => hasRow(op) && supportOf(op) === 'refused')).toEqual([]);
  expect(refusalOf('softmax')).toContain('float32');
  expect(refusalOf('top_k')).toBe('there is no kernel for gpu.js');
  for (const op of OP_NAMES) expect((refusalOf(op) ?? 'x').length).toBeGreaterThan(0);
});

test('compile refuses and says what to do instead', () => {
  const compiled = gpujsBackend.compile(layersProgram());
  expect(compiled.ok ? [] : compiled.diagnostics.map((d) => d.code)).toEqual(['GPU0011']);
});
