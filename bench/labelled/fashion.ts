import { join } from 'node:path';
import { decodeNpy } from '../../src/frontend/tensors/index.ts';
import type { Tensor } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { readIdx, ROOT } from '../data.ts';
import { readBytes } from '../models.ts';
import { type LabelledModel, programOf } from './model.ts';

/** Mean and standard deviation of the training pixels / 255, as in bench/train/train.py. */
const [MEAN, STD] = [0.286, 0.353];
const SIDE = 28;

/** f32[1, 1, 28, 28]: (byte / 255 - mean) / std. */
const sampleOf = (pixels: ArrayLike<number>, i: number): Tensor => ({
  dtype: 'f32',
  shape: [1, 1, SIDE, SIDE],
  data: Float32Array.from({ length: SIDE * SIDE }, (_, k) => ((pixels[i * SIDE * SIDE + k] ?? 0) / 255 - MEAN) / STD),
});

/** Test top-1 that PyTorch measured when the models were trained (bench/models/ATTRIBUTION.md). */
const MODELS = [
  { name: 'plain', published: 'PyTorch 92.13 of 7,000' },
  { name: 'resnet', published: 'PyTorch 92.07 of 7,000' },
  { name: 'mobilenet', published: 'PyTorch 92.51 of 7,000' },
] as const;

/** The networks of bench/models on 7,000 test images of Fashion-MNIST; training images calibrate. */
export const fashionModels = (data: string): readonly LabelledModel[] => {
  const folder = join(data, 'datasets', 'fashion-mnist');
  const models = join(ROOT, 'bench', 'models');
  return MODELS.map(({ name, published }): LabelledModel => {
    const path = join(models, `${name}.onnx`);
    return {
      name: `fashion ${name}`,
      path,
      published,
      quick: true,
      load: (most) => {
        const set = readIdx(join(folder, 't10k-images-0-7000-idx3-ubyte.gz'), join(folder, 't10k-labels-0-7000-idx1-ubyte.gz'));
        const calibration = unwrap(decodeNpy(readBytes(join(models, 'calibration-images.npy'))));
        const count = Math.min(most ?? set.count, set.count);
        return {
          program: programOf(path),
          set: {
            samples: Array.from({ length: count }, (_, i) => sampleOf(set.pixels, i)),
            labels: Array.from(set.labels.subarray(0, count)),
            calibration: Array.from({ length: calibration.shape[0] ?? 0 }, (_, i) => sampleOf(calibration.data, i)),
          },
        };
      },
    };
  });
};
