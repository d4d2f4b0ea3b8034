import {
  type AnyNode,
  isStaticType,
  opOf,
  type OpNode,
  paramTensors,
  placeOf,
  type Program,
  ProgramBuilder,
  runProgram,
  typeOf,
  type ValueId,
} from '../../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import { type ExecutionPlan, planProgram } from '../../plan/index.ts';
import { notAvailable } from './diagnostics.ts';
import {
  averagePoolLayer,
  byteStream,
  type Context,
  convLayer,
  denseLayer,
  maxPoolLayer,
  reduceLayer,
  refuse,
  staticType,
} from './layers.ts';
import type { Add, Pipeline, Softmax, Stage, Stream, Table } from './stages.ts';
import { inputStream, pictureOf, pictureOrder, sameOrder, throughView, viewOf } from './streams.ts';

const BYTES = 256;

/** Values of a unary op for every byte of every channel, by the definition of the op. */
const tableOf = (context: Context, node: AnyNode, channels: number): Int32Array => {
  const x = staticType(context, at(node.operands, 0));
  const builder = new ProgramBuilder('table');
  const bytes = Uint8Array.from({ length: channels * BYTES }, (_, i) => i % BYTES);
  const data = x.dtype === 'i8' ? new Int8Array(bytes.buffer) : bytes;
  const type = { dtype: x.dtype, shape: [1, channels, BYTES] };
  const input = builder.input('x', type);
  const params = node.operands.slice(1).map((v) => {
    const tensor = context.params.get(v);
    return tensor === undefined ? input : builder.constant(tensor);
  });
  builder.output('y', at(builder.emitAll(node.op, [input, ...params], node.attrs), 0));
  return Int32Array.from(at(runProgram(builder.finish(), [{ ...type, data }]), 0).data);
};

const isShared = (table: Int32Array): boolean => table.every((v, i) => v === table[i % BYTES]);

const tableStage = (context: Context, node: AnyNode): Result<Table> => {
  const input = byteStream(context, node, 0);
  if (!input.ok) return input;
  if (node.operands.slice(1).some((v) => !context.params.has(v))) return refuse(context, node, 'it has operands that are no parameters');
  const result = at(node.results, 0);
  const { shape } = staticType(context, at(node.operands, 0));
  const picture = pictureOf(shape);
  const byChannel = shape.length >= 2 && sameOrder(input.value.order, pictureOrder(picture)) ? picture.c : 1;
  const whole = tableOf(context, node, shape.length >= 2 ? at(shape, 1) : 1);
  const shared = isShared(whole);
  if (!shared && byChannel * BYTES !== whole.length) return refuse(context, node, 'its channels come in another order');
  const { dtype } = staticType(context, result);
  return ok({
    stage: 'table',
    name: placeOf(node, context.index),
    inputs: [input.value],
    output: { ...input.value, value: result, source: result, dtype },
    channels: byChannel,
    table: shared ? whole.slice(0, BYTES) : whole,
  });
};

const addStage = (context: Context, node: OpNode<'add_rescale'>): Result<Add | Table> => {
  if (node.operands.length === 1) return tableStage(context, node);
  if (node.operands.length > 2) return refuse(context, node, `it adds ${node.operands.length} values, and a stage adds two`);
  const [a, b] = [byteStream(context, node, 0), byteStream(context, node, 1)];
  if (!a.ok) return a;
  if (!b.ok) return b;
  if (!sameOrder(a.value.order, b.value.order)) return refuse(context, node, 'its operands come in different orders, or one is broadcast');
  const { multipliers, zeros, shift, output_zero, lo, hi } = node.attrs;
  const result = at(node.results, 0);
  const picture = pictureOf(staticType(context, result).shape);
  return ok({
    stage: 'add',
    name: placeOf(node, context.index),
    inputs: [a.value, b.value],
    output: { ...a.value, value: result, source: result, dtype: 'i8' },
    channels: picture.c,
    multipliers: [at(multipliers, 0), at(multipliers, 1)],
    zeros: [at(zeros, 0), at(zeros, 1)],
    shift,
    zero: output_zero,
    lo,
    hi,
  });
};

const MOST_ENTRY = 2 ** 16;

const softmaxStage = (context: Context, node: OpNode<'softmax_lut'>): Result<Softmax> => {
  const input = byteStream(context, node, 0);
  if (!input.ok) return input;
  const table = context.params.get(at(node.operands, 1));
  const { shape } = staticType(context, at(node.operands, 0));
  const axis = node.attrs.axis < 0 ? node.attrs.axis + shape.length : node.attrs.axis;
  if (table === undefined) return refuse(context, node, 'its table is no parameter');
  if (at(shape, axis) !== input.value.count) return refuse(context, node, 'it has more than one row');
  const result = at(node.results, 0);
  return ok({
    stage: 'softmax',
    name: placeOf(node, context.index),
    inputs: [input.value],
    output: { ...input.value, value: result, source: result },
    table: Int32Array.from(table.data, (v) => Math.min(Math.max(v, 0), MOST_ENTRY)),
  });
};

const isUnaryPointwise = (node: AnyNode): boolean => opOf(node.op).traits?.pointwise === true && node.operands.length === 1;

const stageOf = (context: Context, node: OpNode): Result<Stage> => {
  switch (node.op) {
    case 'conv':
      return convLayer(context, node);
    case 'dense':
      return denseLayer(context, node);
    case 'max_pool':
      return maxPoolLayer(context, node);
    case 'average_pool':
      return averagePoolLayer(context, node);
    case 'reduce_mean':
    case 'reduce_max':
      return reduceLayer(context, node);
    case 'add_rescale':
      return addStage(context, node);
    case 'softmax_lut':
      return softmaxStage(context, node);
    case 'table':
    case 'rescale':
      return tableStage(context, node);
    default:
      return isUnaryPointwise(node) ? tableStage(context, node) : refuse(context, node, `there is no stage for ${node.op}`);
  }
};

/** The order in which an input comes: as the first op that is no view wants it. */
const streamOfInput = (program: Program, value: ValueId): Stream | undefined => {
  const first = typeOf(program, value);
  if (!isStaticType(first)) return undefined;
  const views: Int32Array[] = [];
  for (let at_ = value; ; ) {
    const type = typeOf(program, at_);
    const reader = (program.nodes as readonly AnyNode[]).find((n) => n.operands[0] === at_);
    if (!isStaticType(type)) return undefined;
    const view = reader === undefined ? undefined : viewOf(reader, type.shape);
    if (reader === undefined || view === undefined) return inputStream(value, first, views, type.shape);
    views.push(view);
    at_ = at(reader.results, 0);
  }
};

/** Stages of all nodes; every node that is no stage is told. */
const stagesOf = (plan: ExecutionPlan, streams: Map<ValueId, Stream>): Result<readonly Stage[]> => {
  const params = paramTensors(plan.program);
  const problems: Diagnostic[] = [];
  const stages: Stage[] = [];
  plan.program.nodes.forEach((node, index) => {
    if (plan.fusions.gone.has(node)) return;
    const context: Context = { plan, params, streams, index };
    const from = node.operands[0] === undefined ? undefined : streams.get(node.operands[0]);
    const result = at(node.results, 0);
    const view = from === undefined ? undefined : viewOf(node, staticType(context, at(node.operands, 0)).shape);
    if (from !== undefined && view !== undefined) {
      streams.set(result, throughView(from, view, result));
      return;
    }
    const made = stageOf(context, node);
    if (made.ok) {
      stages.push(made.value);
      streams.set(made.value.output.value, made.value.output);
      return;
    }
    problems.push(...made.diagnostics);
    // so that what follows is looked at too
    const type = staticType(context, result);
    const picture = pictureOf(type.shape);
    streams.set(result, {
      value: result,
      source: result,
      dtype: type.dtype,
      count: picture.h * picture.w * picture.c,
      order: pictureOrder(picture),
    });
  });
  return problems.length > 0 ? fail(...problems) : ok(stages);
};

/**
 * A program as a pipeline of stages. Error: FPG0040 for each node that no stage does, IR0008.
 * A view is no stage: it is the same stream with other indices.
 */
export const analyze = (program: Program): Result<Pipeline> => {
  const planned = planProgram(program, (op) => op === 'softmax_lut');
  if (!planned.ok) return planned;
  const plan = planned.value;
  const streams = new Map<ValueId, Stream>();
  for (const { name, value } of plan.program.inputs) {
    const type = typeOf(plan.program, value);
    const stream = streamOfInput(plan.program, value);
    if (stream === undefined || (type.dtype !== 'i8' && type.dtype !== 'u8'))
      return fail(notAvailable(name, `the input is ${type.dtype}, and streams are of 8 bits`));
    if (type.shape.length > 1 && type.shape[0] !== 1)
      return fail(notAvailable(name, `the batch is ${String(type.shape[0])}, and frames come one by one`));
    streams.set(value, stream);
  }
  const stages = stagesOf(plan, streams);
  if (!stages.ok) return stages;
  const port = ({ name, value }: { readonly name: string; readonly value: ValueId }) => ({ name, stream: streams.get(value) });
  const outputs = plan.program.outputs.map(port);
  const missing = outputs.find((o) => o.stream === undefined);
  if (missing !== undefined) return fail(notAvailable(missing.name, 'the output is a parameter'));
  return ok({
    name: program.name,
    program: plan.program,
    inputs: plan.program.inputs.map(port) as Pipeline['inputs'],
    outputs: outputs as Pipeline['outputs'],
    stages: stages.value,
  });
};
