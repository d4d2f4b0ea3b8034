import type { Options } from 'yargs';

/** How pictures become input tensors. */
export const PREPARATION_OPTIONS = {
  mean: { type: 'string', requiresArg: true, describe: 'Pictures: subtracted per channel after scaling, such as 0.485,0.456,0.406' },
  std: { type: 'string', requiresArg: true, describe: 'Pictures: divided by per channel, such as 0.229,0.224,0.225' },
  scale: { type: 'string', requiresArg: true, describe: 'Pictures: multiplies the 8-bit values first; 1/255 if left out' },
  layout: {
    type: 'string',
    choices: ['nchw', 'nhwc'],
    requiresArg: true,
    describe: 'Pictures: axis order; from the input shape if left out',
  },
  channels: {
    type: 'string',
    choices: ['rgb', 'bgr', 'gray'],
    requiresArg: true,
    describe: 'Pictures: channel order; from the input shape if left out',
  },
  resize: { type: 'number', requiresArg: true, describe: 'Pictures: shorter side after resizing; the input size if left out' },
  crop: { type: 'number', requiresArg: true, describe: 'Pictures: side of the centred square that is kept; the input size if left out' },
} as const satisfies Record<string, Options>;

/** How a model file is read. */
export const MODEL_OPTIONS = {
  bind: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Size of a symbolic dimension, NAME=SIZE; a batch axis is 1 if left out',
  },
  const: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'ONNX: fixes an input to NAME=VALUES, such as axes=[0,2], or NAME=FILE (.npy, .pb)',
  },
  params: {
    type: 'string',
    requiresArg: true,
    describe: 'File with the parameters: .npz of a .mrl, weights of an MXNet or Caffe model; the usual name beside the model if left out',
  },
  'random-params': {
    type: 'boolean',
    describe: 'Fill parameters that have no data at random, to measure size, speed and cost',
  },
  shape: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Shape of an input that its file leaves open, NAME=1,3,224,224 (not ONNX, TensorFlow Lite, .mrl: --bind)',
  },
} as const satisfies Record<string, Options>;
