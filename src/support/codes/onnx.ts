import type { CodeInfo } from './info.ts';

export const onnxCodes = {
  ONX1001: {
    title: 'file is not an ONNX model',
    explain: 'An ONNX model is one ModelProto message. The file was cut off, damaged, or is in another format.',
    exit: 3,
  },
  ONX1002: {
    title: 'ONNX model is incomplete',
    explain: 'A model needs a graph, at least one output, and an opset_import for each domain its nodes use.',
    exit: 3,
  },
  ONX1003: {
    title: 'ONNX value defined twice',
    explain: 'ONNX graphs are in SSA form: each name is an input, an initializer or the output of one node.',
    exit: 3,
  },
  ONX1004: {
    title: 'ONNX value never defined',
    explain: 'A node or a graph output reads a name that no input, initializer or node defines.',
    exit: 3,
  },
  ONX1005: { title: 'ONNX graph has a cycle', explain: 'A node needs its own result, directly or through others.', exit: 3 },
  ONX1006: {
    title: 'ONNX tensor data does not fit its shape',
    explain: 'A tensor holds exactly the elements that its dims declare, in raw_data, in the typed field, or in an external file.',
    exit: 3,
  },
  ONX1007: {
    title: 'ONNX dimension is outside its range',
    explain: 'Dimensions are 0 or more, a tensor has at most 8 of them and fewer than 2^31 elements.',
    exit: 3,
  },
  ONX1008: {
    title: 'ONNX external data cannot be used',
    explain:
      'The location of external data is a plain relative path inside the folder of the model: no "..", no absolute path. Offset and length lie inside the file. A checksum is the SHA-1 of the whole file in hexadecimal digits.',
    exit: 3,
  },
  ONX1009: { title: 'ONNX element type is unknown', explain: 'data_type and elem_type are numbers listed in onnx.proto.', exit: 3 },
  ONX1010: {
    title: 'NaN in an ONNX initializer',
    explain: 'Parameters hold numbers. Replace the NaN where the model was made.',
    exit: 3,
  },
  ONX1011: {
    title: 'ONNX integer outside int32',
    explain: 'int64, uint32 and uint64 tensors that stay in the model become int32; each value has to fit.',
    exit: 3,
  },
  ONX1012: {
    title: 'ONNX model above a size limit',
    explain: 'Nodes after inlining, nesting, and constants computed at import are bounded, so that a small file cannot take the machine.',
    exit: 5,
  },
  ONX1013: {
    title: 'ONNX node is malformed',
    explain: 'An attribute or input that the operator requires is missing, or has another type than the operator declares.',
    exit: 3,
  },
  ONX2001: {
    title: 'ONNX operator is not supported',
    explain: 'The operator has no importer. "cortexc doctor" lists every node of a model that cannot be imported.',
    exit: 4,
  },
  ONX2002: {
    title: 'ONNX operator is supported, but not with this attribute, input or version',
    explain: 'The message names the node, the attribute or input, and its value.',
    exit: 4,
  },
  ONX2003: {
    title: 'ONNX type is not supported',
    explain: 'Tensors of float, float16, bfloat16, double, bool and integers of 8 to 64 bits are read; strings, sequences, maps are not.',
    exit: 4,
  },
  ONX2004: {
    title: 'ONNX value must be known at import',
    explain:
      'Shapes, axes, pads and the like are fixed when a model is compiled: bind symbolic dimensions, or make the operand a constant.',
    exit: 4,
  },
  ONX3001: {
    title: 'ONNX tensor is kept as float32',
    explain: 'float16 and bfloat16 become float32 exactly, double is rounded to it; arithmetic is float32.',
    exit: 1,
  },
  ONX3002: {
    title: 'ONNX tensor is kept as int32',
    explain: 'Programs have no 64-bit integers. Values known at import are checked to fit, values computed at run time are int32.',
    exit: 1,
  },
  ONX3003: {
    title: 'ONNX nodes were sorted',
    explain: 'The specification wants nodes in topological order; the order in the file was another one.',
    exit: 1,
  },
  ONX3004: { title: 'unused ONNX nodes were left out', explain: 'No output of the model depends on them.', exit: 1 },
  ONX3005: {
    title: 'ONNX opset is newer than this importer',
    explain: 'Operators are read by the newest version that is known. Export with an older opset if results differ.',
    exit: 1,
  },
  ONX3006: {
    title: 'ONNX random operators draw from an added input',
    explain:
      'A program has no hidden state: RandomUniform, RandomNormal, Bernoulli, Multinomial and the like take their bits from Philox4x32-10 ' +
      'with the key of a model input seed: i32[2] that the import adds behind the inputs of the model. The n-th random node (from 0, in ' +
      'topological order) has op_id n. Other runtimes have other generators, so their draws differ, also where an attribute seed is given.',
    exit: 1,
  },
} as const satisfies Record<string, CodeInfo>;
