import { join } from 'node:path';
import { decodeNpy } from '../../src/frontend/tensors/index.ts';
import { elementCount, type Tensor } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import { readBytes } from '../models.ts';
import { type LabelledModel, programOf } from './model.ts';

/** The example in examples/digits, on its 500 test images; 128 training images calibrate. */
export const digitsModel = (): LabelledModel => {
  const file = (name: string): string => join(ROOT, 'examples', 'digits', name);
  const samplesOf = (name: string): readonly Tensor[] => {
    const { shape, data } = unwrap(decodeNpy(readBytes(file(name))));
    const [count = 0, ...one] = shape;
    const size = elementCount(one);
    return Array.from({ length: count }, (_, i) => ({
      dtype: 'f32',
      shape: [1, ...one],
      data: Float32Array.from(data.subarray(i * size, (i + 1) * size)),
    }));
  };
  return {
    name: 'digits',
    path: file('model.onnx'),
    published: 'PyTorch 99.20',
    quick: true,
    load: (most) => ({
      program: programOf(file('model.onnx')),
      set: {
        samples: samplesOf('test-images.npy').slice(0, most),
        labels: Array.from(unwrap(decodeNpy(readBytes(file('test-labels.npy')))).data.subarray(0, most)),
        calibration: samplesOf('calibration-images.npy'),
      },
    }),
  };
};
