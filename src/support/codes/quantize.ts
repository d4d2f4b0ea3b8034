import type { CodeInfo } from './info.ts';

export const quantizeCodes = {
  OPT0001: {
    title: 'unknown pass',
    explain: 'cortexc opt --list prints the passes with one line each.',
    exit: 2,
  },
  QNT0001: {
    title: 'op cannot be quantized',
    explain:
      'There is no integer form of this use of the op, or of its weights. All such nodes are listed at once; replace them in the model, or keep that part of the model outside.',
    exit: 4,
  },
  QNT0002: {
    title: 'no calibration samples',
    explain: 'Ranges of activations come from running the model on samples: give at least one, better 100 or more.',
    exit: 2,
  },
  QNT0003: {
    title: 'calibration sample does not fit the model',
    explain: 'Each sample holds one tensor for each model input, of the dtype and shape that the model declares.',
    exit: 3,
  },
  QNT0004: {
    title: 'activation is not finite',
    explain: 'The float model gives NaN or infinity on a calibration sample, so no range holds its values. Check the sample and the model.',
    exit: 3,
  },
  QNT0005: {
    title: 'scales of the model are kept',
    explain:
      'The model is quantized already, and the package has its scales, zero points and integer weights. Results differ from the source ' +
      'runtime where rounding does: ONNX and TFLite divide in float (ties to even, or away from zero) after each operator; the integer ' +
      'program multiplies a sum by a 15-bit multiplier, shifts, and rounds once, half up (NUMERICS §1.1). The summary says by how many ' +
      'steps of the outputs.',
    exit: 1,
  },
  QNT0006: {
    title: 'weights of -128 became -127',
    explain:
      'Integer weights lie in -127..127 (NUMERICS §1.2), so that no product needs more than 15 bits. A weight of -128 in the file, or the ' +
      'least of uint8 weights that use all 256 codes, loses one step.',
    exit: 1,
  },
  QNT0007: {
    title: 'stored weights are quantized anew',
    explain:
      'The weights that the file stores have no form as int8 weights: with their zero point they span more than 256 codes, or they belong ' +
      'to a grouped convolution whose inputs cannot be summed apart, or the accumulator could overflow. Their reals are quantized per ' +
      'output channel instead. Quantize with symmetric int8 weights to keep them.',
    exit: 1,
  },
  QNT0101: {
    title: 'no mixed precision keeps all budgets',
    explain:
      'None of the measured assignments of bits to layers is within --max-drop, --max-size and --max-endorphin at once, so no package is ' +
      'written. The message names the nearest ones and what each budget would have to be with the others as they are.',
    exit: 1,
  },
  QNT0102: {
    title: 'the samples are too few for the accuracy budget',
    explain:
      'With n samples an accuracy is a multiple of 1/n, and chance moves it by several such steps. A budget below one step asks for no ' +
      'change at all. Give more labelled samples, or a budget that they can measure.',
    exit: 1,
  },
  QNT0103: {
    title: 'a record of an earlier run is unusable',
    explain:
      'The state of an interrupted run is kept in lines, one a measurement. Lines that do not read, or that no longer fit what the model ' +
      'gives, are left out and measured again; nothing else depends on them.',
    exit: 1,
  },
} as const satisfies Record<string, CodeInfo>;
