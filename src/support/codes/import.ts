import type { CodeInfo } from './info.ts';

/** Importers of every format but ONNX and TensorFlow Lite, which have families of their own. */
export const importCodes = {
  IMP1001: {
    title: 'file is damaged or not of its format',
    explain: 'The bytes cannot be read as the format that the message names. Copy, download or export the file again.',
    exit: 3,
  },
  IMP1002: {
    title: 'model is incomplete',
    explain: 'A model needs at least one input or constant and one output, and a file for everything that it names.',
    exit: 3,
  },
  IMP1003: {
    title: 'tensor defined twice',
    explain: 'Each tensor is an input, a parameter, or an output of one layer.',
    exit: 3,
  },
  IMP1004: {
    title: 'tensor or layer never defined',
    explain: 'A layer or an output reads something that nothing defines, or layers read each other in a circle.',
    exit: 3,
  },
  IMP1005: {
    title: 'data of a parameter does not fit',
    explain: 'The stored elements of a parameter have to be as many, of the shape, and of the type that the layer and the file declare.',
    exit: 3,
  },
  IMP1006: {
    title: 'layer is malformed',
    explain: 'Inputs or attributes of a layer are missing, of the wrong type, or contradict each other.',
    exit: 3,
  },
  IMP1007: {
    title: 'model above a size limit',
    explain: 'What is read of a file, and constants computed at import, are bounded, so that a small file cannot take the machine.',
    exit: 5,
  },
  IMP1008: {
    title: 'NaN in a parameter',
    explain: 'Parameters hold numbers. Replace the NaN where the model was made.',
    exit: 3,
  },
  IMP1009: {
    title: 'integer outside int32',
    explain: '64-bit constants that stay in the model become int32; each value has to fit.',
    exit: 3,
  },
  IMP1010: {
    title: 'shape of an input is not known',
    explain: 'Some formats leave the shapes of inputs out. Give them: --shape NAME=1,3,224,224.',
    exit: 2,
  },
  IMP1011: {
    title: 'parameters are missing',
    explain:
      'The file describes the layers, and the file with the weights was not found. Name it with --params, or measure size and cost with --random-params.',
    exit: 3,
  },
  IMP2001: {
    title: 'layer or operator not supported',
    explain: '`cortexc doctor MODEL` lists everything that is not supported, all at once.',
    exit: 4,
  },
  IMP2002: {
    title: 'detail of a layer not supported',
    explain: 'The layer is supported, but not with this attribute, type or shape.',
    exit: 4,
  },
  IMP2003: {
    title: 'value must be known at import',
    explain: 'A shape, an axis or the like is computed from the inputs of the model; an importer needs its value.',
    exit: 4,
  },
  IMP2004: {
    title: 'file holds code or data that is not read',
    explain: 'Pickled objects and functions of Python run code when they are read. Export the model in a format that holds data only.',
    exit: 4,
  },
  IMP3001: { title: 'values narrowed', explain: 'The program keeps float32 and int32 where the file has wider or other types.', exit: 3 },
  IMP3002: { title: 'part of the file left out', explain: 'It does not change what the outputs are at inference.', exit: 3 },
  IMP3003: {
    title: 'parameters made up',
    explain: '--random-params gives every missing parameter random values: size, speed and cost can be measured, results mean nothing.',
    exit: 3,
  },
} as const satisfies Record<string, CodeInfo>;
