import { expect, test } from '@jest/globals';
import {
  DTYPE_INFO,
  elementCount,
  isStaticType,
  OP_NAMES,
  type OpName,
  opOf,
  parseType,
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  runProgram,
  type Sample,
  sampleTensors,
  type StaticType,
  type Tensor,
} from '../ir/index.ts';
import { at } from '../support/index.ts';
import { batchProgram } from './transform/batch.ts';

const SAMPLES = 3;

const stack = (tensors: readonly Tensor[]): Tensor => {
  const { dtype, shape } = at(tensors, 0);
  const data = DTYPE_INFO[dtype].make(elementCount(shape) * tensors.length);
  tensors.forEach((t, i) => data.set(t.data, i * elementCount(shape)));
  return { dtype, shape: [tensors.length, ...shape.slice(1)], data };
};

/** Elements of a tensor moved cyclically: other values of the same interval. */
const rotated = (tensor: Tensor, by: number): Tensor => {
  const data = tensor.data.slice();
  const n = data.length;
  for (let i = 0; i < n; i++) data[i] = at(tensor.data, (i + by) % n);
  return { ...tensor, data };
};

/** The tensor cut to one element along its first axis. */
const oneOf = (tensor: Tensor): Tensor => {
  const [lead = 1, ...rest] = tensor.shape;
  const size = tensor.data.length / Math.max(lead, 1);
  return { ...tensor, shape: [1, ...rest], data: tensor.data.slice(0, size) } as Tensor;
};

interface Use {
  readonly program: Program;
  /** Inputs of one sample. */
  readonly inputs: readonly Tensor[];
}

/** An op with the first `inputs` operands as inputs of one sample and the others as parameters; undefined when it does not take them. */
const useOf = (op: OpName, sample: Sample, inputs: number): Use | undefined => {
  const types = sample.operands.map((o) => parseType(typeof o === 'string' ? o : o.type));
  if (!types.every((t): t is StaticType => t !== undefined && isStaticType(t))) return undefined;
  const tensors = sampleTensors(sample, 7).map((t, i) => (i < inputs && t.shape.length > 0 && t.shape[0] !== 0 ? oneOf(t) : t));
  if (tensors.slice(0, inputs).some((t) => t.shape[0] !== 1)) return undefined;
  const builder = new ProgramBuilder(op);
  const operands = tensors.map((t, i) =>
    i < inputs ? builder.input(`x${i}`, { dtype: t.dtype, shape: t.shape }) : builder.param(`p${i}`, t),
  );
  const emitted = builder.tryEmit(op, operands, sample.attrs ?? {});
  if (!emitted.ok) return undefined;
  emitted.value.forEach((v, k) => builder.output(`y${k}`, v));
  return { program: builder.finish(), inputs: tensors.slice(0, inputs) };
};

/** Whether an op takes several samples here; the results must be those of each one alone. */
const takesSamples = (op: OpName, sample: Sample, inputs: number): boolean => {
  const use = useOf(op, sample, inputs);
  if (use === undefined) return false;
  const batched = batchProgram(use.program, SAMPLES);
  if ('reason' in batched) return false;
  const each = Array.from({ length: SAMPLES }, (_, k) => use.inputs.map((t) => rotated(t, k)));
  const together = runProgram(
    batched,
    use.inputs.map((_, i) => stack(each.map((s) => at(s, i)))),
  );
  const alone = each.map((s) => runProgram(use.program, s));
  const wanted = together.map((_, i) => stack(alone.map((r) => at(r, i))));
  expect({ op, sample, inputs, results: together }).toEqual({ op, sample, inputs, results: wanted });
  return true;
};

test('every op that takes several samples gives each of them what it has alone', () => {
  const taken = OP_NAMES.filter(
    (op) =>
      opOf(op).samples.filter(
        (sample) =>
          [...new Set([1, 2, sample.operands.length])].filter((n) => n <= sample.operands.length && takesSamples(op, sample, n)).length > 0,
      ).length > 0,
  );
  for (const op of ['conv', 'dense', 'matmul', 'max_pool', 'average_pool', 'rescale', 'table', 'add_rescale', 'softmax_lut'] as const)
    expect(taken).toContain(op);
  for (const op of ['global_average_pool', 'resize', 'batch_norm', 'depth_to_space', 'reshape', 'transpose', 'slice'] as const)
    expect(taken).toContain(op);
  expect(taken.length).toBeGreaterThan(150);
});

/** f32[1, 2, 4] through an op that the builder adds. */
const withOp = (add: (b: ProgramBuilder, x: ReturnType<ProgramBuilder['input']>) => ReturnType<ProgramBuilder['input']>): Program => {
  const b = new ProgramBuilder('p');
  b.output('y', add(b, b.input('x', { dtype: 'f32', shape: [1, 2, 4] })));
  return b.finish();
};

test.each([
  ['a softmax over the samples', withOp((b, x) => b.emit('softmax', [x], { axis: 0 }, 'mix')), 'mix'],
  ['a sum over the samples', withOp((b, x) => b.emit('reduce_sum', [x], { axes: [0], keep: true }, 'mix')), 'mix'],
  ['a shape that has the samples inside', withOp((b, x) => b.emit('reshape', [x], { shape: [2, 1, 4] }, 'mix')), 'mix'],
  ['samples that move', withOp((b, x) => b.emit('transpose', [x], { perm: [1, 0, 2] }, 'mix')), 'mix'],
  ['samples that are lost', withOp((b, x) => b.emit('reshape', [x], { shape: [2, 4] }, 'mix')), 'mix'],
  [
    'an axis too few',
    withOp((b, x) =>
      b.emit(
        'add',
        [b.emit('reshape', [x], { shape: [1, 8] }), b.constant(randomTensor({ dtype: 'f32', shape: [3, 1, 8] }, new Philox(1, 0), 0, 1))],
        {},
        'mix',
      ),
    ),
    'mix',
  ],
])('%s: refused by the name of the node', (_name, program, place) => {
  const batched = batchProgram(program, 2);
  expect('reason' in batched ? batched.place : 'taken').toContain(place);
});

test('several samples already, or none: refused by the name of the input', () => {
  const b = new ProgramBuilder('p');
  b.output('y', b.emit('relu', [b.input('pair', { dtype: 'f32', shape: [2, 3] })], {}));
  expect(batchProgram(b.finish(), 2)).toEqual({ place: 'input pair', reason: 'its first axis is 2, and not that of one sample' });
});

test('a composite stays one node where its definition allows it', () => {
  const program = withOp((b, x) => b.emit('relu6', [b.emit('flatten', [x], { axis: 1 })], {}));
  const batched = batchProgram(program, 4);
  expect('reason' in batched ? batched : batched.nodes.map((n) => n.op)).toEqual(['flatten', 'relu6']);
});
