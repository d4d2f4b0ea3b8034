import type { CodeInfo } from './info.ts';

export const tfliteCodes = {
  TFL1001: {
    title: 'file is not a TensorFlow Lite model',
    explain:
      'A TensorFlow Lite model is one FlatBuffer with the identifier TFL3 (grammar/tflite.fbs). The file was cut off, damaged, or is in another format.',
    exit: 3,
  },
  TFL1002: {
    title: 'TensorFlow Lite model is incomplete',
    explain: 'A model needs a subgraph with at least one output, and schema version 3.',
    exit: 3,
  },
  TFL1003: {
    title: 'TensorFlow Lite tensor defined twice',
    explain: 'Each tensor of a subgraph is an input, a constant, a variable, or the output of one operator.',
    exit: 3,
  },
  TFL1004: {
    title: 'TensorFlow Lite tensor never defined',
    explain: 'An operator or an output of the subgraph reads a tensor before anything defines it. Operators stand in execution order.',
    exit: 3,
  },
  TFL1005: {
    title: 'TensorFlow Lite index outside its list',
    explain: 'Operators name tensors, and tensors name buffers, by their place in the lists of the file.',
    exit: 3,
  },
  TFL1006: {
    title: 'TensorFlow Lite tensor data does not fit its shape',
    explain: 'The buffer of a constant holds exactly the elements that the shape of the tensor declares.',
    exit: 3,
  },
  TFL1007: {
    title: 'TensorFlow Lite dimension is outside its range',
    explain: 'Dimensions are 0 or more, a tensor has at most 8 of them and fewer than 2^31 elements.',
    exit: 3,
  },
  TFL1008: {
    title: 'TensorFlow Lite quantization parameters are malformed',
    explain:
      'A quantized tensor has one scale above 0 and one zero point inside its type, or one of each for every index of its quantized dimension.',
    exit: 3,
  },
  TFL1009: { title: 'TensorFlow Lite tensor type is unknown', explain: 'Types are numbers of the enum TensorType of the schema.', exit: 3 },
  TFL1010: {
    title: 'NaN in a TensorFlow Lite constant',
    explain: 'Parameters hold numbers. Replace the NaN where the model was made.',
    exit: 3,
  },
  TFL1011: {
    title: 'TensorFlow Lite integer outside int32',
    explain: 'int64 and uint32 constants that stay in the model become int32; each value has to fit.',
    exit: 3,
  },
  TFL1012: {
    title: 'TensorFlow Lite model above a size limit',
    explain: 'What is read of a file, and constants computed at import, are bounded, so that a small file cannot take the machine.',
    exit: 5,
  },
  TFL1013: {
    title: 'TensorFlow Lite operator is malformed',
    explain:
      'An input that the operator requires is missing, has another type or shape than it takes, or its options are those of another operator.',
    exit: 3,
  },
  TFL2001: {
    title: 'TensorFlow Lite operator is not supported',
    explain: 'The message says why. "cortexc doctor" lists every operator of a model that cannot be imported.',
    exit: 4,
  },
  TFL2002: {
    title: 'TensorFlow Lite operator is supported, but not with this option or input',
    explain: 'The message names the operator, the option or input, and its value.',
    exit: 4,
  },
  TFL2003: {
    title: 'TensorFlow Lite tensor type is not supported',
    explain:
      'float16, float32, float64, bfloat16, bool and integers of 4 to 64 bits are read; strings, complex numbers, resources and variants are not.',
    exit: 4,
  },
  TFL2004: {
    title: 'TensorFlow Lite value must be known at import',
    explain: 'Shapes, axes, paddings and the like are fixed when a model is compiled: make the operand a constant.',
    exit: 4,
  },
  TFL3001: {
    title: 'TensorFlow Lite tensor is kept as float32',
    explain: 'float16 and bfloat16 become float32 exactly, float64 is rounded to it; arithmetic is float32.',
    exit: 1,
  },
  TFL3002: {
    title: 'TensorFlow Lite tensor is kept as int32',
    explain: 'Programs have no 64-bit integers. Constants are checked to fit, values computed at run time are int32.',
    exit: 1,
  },
  TFL3003: { title: 'unused TensorFlow Lite operators were left out', explain: 'No output of the model depends on them.', exit: 1 },
  TFL3004: {
    title: 'quantized TensorFlow Lite model: where results differ',
    explain:
      'The model keeps its own scales and zero points: every quantized tensor is dequantize(quantize(x)) in the imported program, weights and ' +
      'biases are the stored integers times their scales. The runtime of TensorFlow Lite computes between these points with a 31-bit ' +
      'multiplier and a shift, rounding twice in its default kernels (a saturating doubling high multiply, then a rounding shift) and once in ' +
      'others; an integer program here rounds once, half up, with a 15-bit multiplier (docs/numerics.md). Ties of averages and of new scales ' +
      'are rounded away from zero there, up here. Tables (LOGISTIC, TANH, SOFTMAX) ' +
      'differ in the same way. A value can come out one step of its scale away, and such steps can add up over the layers.',
    exit: 1,
  },
  TFL3005: {
    title: 'TensorFlow Lite state starts at zero in every run',
    explain:
      'Variable tensors keep their values from run to run in TensorFlow Lite. A program has no hidden state: each run starts as the first run ' +
      'after the runtime resets its variables.',
    exit: 1,
  },
  TFL3006: {
    title: 'TensorFlow Lite dimension was fixed',
    explain:
      'shape_signature leaves the dimension open; the program has the size that the file stores for it, as the runtime has until it is resized.',
    exit: 1,
  },
  TFL3007: {
    title: 'TensorFlow Lite model has more than one subgraph',
    explain:
      'The first subgraph is imported. Others are bodies of control flow, which is refused where it is used, or entry points of their own.',
    exit: 1,
  },
} as const satisfies Record<string, CodeInfo>;
