import protobuf from 'protobufjs';
import { importOnnx } from '../../src/frontend/onnx/index.ts';
import { verifyProgram } from '../../src/ir/index.ts';
import { at, invariant, type Result } from '../../src/support/index.ts';
import { repositoryFile } from './files.ts';
import { mutateBytes } from './mutate.ts';
import { mutateMessage } from './protobuf.ts';
import { promise, type Target } from './target.ts';

type Json = Readonly<Record<string, unknown>>;

const FLOAT = 1;
const INT64 = 7;

const ints = (name: string, ...values: readonly number[]): Json => ({ name, type: 7, ints: values });
const int = (name: string, i: number): Json => ({ name, type: 2, i });
const float = (name: string, f: number): Json => ({ name, type: 1, f });
const text = (name: string, s: string): Json => ({ name, type: 3, s: new TextEncoder().encode(s) });
const node = (opType: string, input: readonly string[], output: readonly string[], ...attribute: readonly Json[]): Json => ({
  opType,
  name: `${opType}_${output[0] ?? ''}`,
  input,
  output,
  attribute,
});
const port = (name: string, ...dims: readonly (number | string)[]): Json => ({
  name,
  type: {
    tensorType: { elemType: FLOAT, shape: { dim: dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d })) } },
  },
});
const floats = (name: string, dims: readonly number[]): Json => {
  const count = dims.reduce((n, d) => n * d, 1);
  return { name, dims, dataType: FLOAT, floatData: Array.from({ length: count }, (_, i) => (i % 7) / 4 - 0.75) };
};
const raw = (name: string, dims: readonly number[]): Json => {
  const data = Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => (i % 5) - 2);
  return { name, dims, dataType: FLOAT, rawData: new Uint8Array(data.buffer) };
};
const longs = (name: string, ...values: readonly number[]): Json => ({ name, dims: [values.length], dataType: INT64, int64Data: values });

interface Graph {
  readonly opset?: number;
  readonly inputs: readonly Json[];
  readonly outputs: readonly Json[];
  readonly initializers?: readonly Json[];
  readonly nodes: readonly Json[];
}

/** Small models that touch the importer's different ways to go. */
const GRAPHS: readonly Graph[] = [
  {
    inputs: [port('x', 'N', 2, 8, 8)],
    outputs: [port('y', 'N', 3)],
    initializers: [floats('w', [4, 2, 3, 3]), raw('b', [4]), raw('s', [4]), floats('m', [4]), raw('v', [4]), floats('fc', [3, 64])],
    nodes: [
      node('Conv', ['x', 'w', 'b'], ['c'], ints('kernel_shape', 3, 3), ints('pads', 1, 1, 1, 1), int('group', 1)),
      node('BatchNormalization', ['c', 's', 'b', 'm', 'v'], ['n'], float('epsilon', 0.001)),
      node('Relu', ['n'], ['r']),
      node('MaxPool', ['r'], ['p'], ints('kernel_shape', 2, 2), ints('strides', 2, 2), text('auto_pad', 'SAME_UPPER')),
      node('Flatten', ['p'], ['f'], int('axis', 1)),
      node('Gemm', ['f', 'fc'], ['g'], int('transB', 1), float('alpha', 0.5)),
      node('Softmax', ['g'], ['y'], int('axis', -1)),
    ],
  },
  {
    inputs: [port('x', 2, 3, 4)],
    outputs: [port('y')],
    initializers: [longs('shape', 2, -1), longs('axes', 1), longs('starts', 0), longs('ends', 2), longs('split', 1, 2)],
    nodes: [
      node('Transpose', ['x'], ['t'], ints('perm', 0, 2, 1)),
      node('Reshape', ['t', 'shape'], ['r']),
      node('Slice', ['r', 'starts', 'ends', 'axes'], ['s']),
      node('Unsqueeze', ['s', 'axes'], ['u']),
      node('Concat', ['u', 'u'], ['k'], int('axis', 1)),
      node('Split', ['x', 'split'], ['p0', 'p1'], int('axis', 1)),
      node('ReduceMean', ['k', 'axes'], ['y'], int('keepdims', 0)),
    ],
  },
  {
    opset: 11,
    inputs: [port('x', 1, 4, 5)],
    outputs: [port('y')],
    initializers: [longs('dims', 3, 2), longs('pads', 0, 0, 1, 0, 0, 1), longs('reps', 1, 2, 1)],
    nodes: [
      node('Shape', ['x'], ['sh']),
      node('Gather', ['sh', 'index'], ['one'], int('axis', 0)),
      node('ConstantOfShape', ['dims'], ['z'], { name: 'value', type: 4, t: floats('', [1]) }),
      node('Constant', [], ['index'], { name: 'value', type: 4, t: longs('', 1) }),
      node('Pad', ['x', 'pads'], ['padded'], text('mode', 'reflect')),
      node('Tile', ['padded', 'reps'], ['tiled']),
      node('Clip', ['tiled'], ['y']),
    ],
  },
  {
    inputs: [port('a', 2, 3), port('b', 3, 2)],
    outputs: [port('y', 2, 2), port('q')],
    initializers: [floats('scale', []), { name: 'zero', dims: [], dataType: 3, int32Data: [3] }],
    nodes: [
      node('MatMul', ['a', 'b'], ['m']),
      node('Sigmoid', ['m'], ['s']),
      node('Pow', ['s', 'm'], ['p']),
      node('Where', ['c', 's', 'p'], ['y']),
      node('Less', ['m', 's'], ['c']),
      node('QuantizeLinear', ['m', 'scale', 'zero'], ['i']),
      node('DequantizeLinear', ['i', 'scale', 'zero'], ['q']),
    ],
  },
];

/** Encodes the graphs with the repository's own schema. */
const buildModels = (): readonly Uint8Array[] => {
  const schema = repositoryFile('grammar/onnx.proto');
  invariant(schema !== undefined, 'grammar/onnx.proto is missing');
  const Model = protobuf.parse(new TextDecoder().decode(schema)).root.lookupType('onnx.ModelProto');
  return GRAPHS.map(({ opset = 17, inputs, outputs, initializers = [], nodes }) =>
    Uint8Array.from(
      Model.encode(
        Model.fromObject({
          irVersion: 8,
          opsetImport: [{ domain: '', version: opset }],
          producerName: 'fuzz',
          graph: { name: 'g', node: nodes, input: inputs, output: outputs, initializer: initializers },
        }),
      ).finish(),
    ),
  );
};

/** ONNX models: as messages, with true lengths, and as bytes. */
export const onnxTarget = (): Target => {
  const example = repositoryFile('examples/digits/model.onnx');
  const small = buildModels();
  const seeds = [...small, ...small, ...small, ...(example === undefined ? [] : [example])];
  return {
    name: 'onnx',
    input: (rng) => {
      const seed = at(seeds, rng.below(seeds.length));
      const other = at(small, rng.below(small.length));
      if (rng.below(8) === 0) return mutateBytes(rng, seed, other);
      let out = seed;
      for (let rounds = 1 + rng.below(3); rounds > 0; rounds--) out = mutateMessage(rng, out, other);
      return out;
    },
    decode: (input): Result<unknown> => {
      const imported = importOnnx(input, { bind: new Map([['N', 1]]) });
      if (imported.ok) promise(verifyProgram(imported.value.program).ok, 'the imported program does not pass the verifier');
      return imported;
    },
  };
};
