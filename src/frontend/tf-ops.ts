import type { Made } from './import-session.ts';
import type { LayerRefusal, LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { convRows } from './tf-conv.ts';
import { elementwiseRows } from './tf-elementwise.ts';
import { indexingRows } from './tf-indexing.ts';
import { linearRows } from './tf-linear.ts';
import { reduceRows } from './tf-reduce.ts';
import { one, span } from './tf-row.ts';
import { shapeRows } from './tf-shape.ts';
import { spatialRows } from './tf-spatial.ts';
import { stridedSliceRows } from './tf-strided-slice.ts';

const same = (n: LayerNode): Made => {
  n.ignore('message', 'shape', 'dtype');
  return { same: n.input(0) };
};

const sound: LayerRefusal = {
  refused: 'it makes features of sound, before the network; start the model behind it, with the name of the tensor: --shape NAME=1,49,10',
};
const variable: LayerRefusal = {
  refused: 'the values of variables are not in the graph; freeze it (variables to constants) and export it again',
};
const control: LayerRefusal = { refused: 'it depends on values that are known at run time only: branches and loops have no fixed program' };
const list: LayerRefusal = {
  refused: 'lists of tensors, which loops of TensorFlow 2 use, have no fixed program; export the model with unrolled loops',
};
const text: LayerRefusal = { refused: 'programs have no texts' };
const boxes: LayerRefusal = { refused: 'the number of boxes that it gives depends on their values; end the model before it' };
const fixedUnit: LayerRefusal = { refused: 'this form of the layer is one for a certain machine; export the model with plain layers' };

const random: LayerRefusal = { refused: 'it draws random numbers, as dropout does in training; export the graph for inference' };

const flow = {
  Identity: one(same),
  StopGradient: one(same),
  PreventGradient: one(same),
  Snapshot: one(same),
  CheckNumerics: one(same),
  CheckNumericsV2: one(same),
  EnsureShape: one(same),
  PlaceholderWithDefault: one(same),
  IdentityN: { import: (n) => span(0, n.inputCount).map((i) => ({ same: n.input(i) })) },
  Placeholder: {
    import: (n) =>
      n.refuse(`the input is of type ${String(n.attribute('dtype'))}`, [
        'Start the model behind it: --shape NAME=…, NAME being a tensor of the graph.',
      ]),
  },
  Const: { import: (n) => n.refuse(`the constant is of type ${String(n.attribute('dtype'))}`) },
  DecodeWav: sound,
  AudioSpectrogram: sound,
  Mfcc: sound,
  Variable: variable,
  VariableV2: variable,
  VarHandleOp: variable,
  ReadVariableOp: variable,
  Assign: variable,
  AssignVariableOp: variable,
  HashTableV2: text,
  LookupTableFindV2: text,
  DecodeJpeg: text,
  DecodePng: text,
  Switch: control,
  RefSwitch: control,
  Merge: control,
  Enter: control,
  Exit: control,
  NextIteration: control,
  LoopCond: control,
  While: control,
  StatelessWhile: control,
  If: control,
  StatelessIf: control,
  Case: control,
  PartitionedCall: { refused: 'functions call each other without end' },
  StatefulPartitionedCall: { refused: 'functions call each other without end' },
  TensorListReserve: list,
  TensorListFromTensor: list,
  TensorListStack: list,
  TensorArrayV3: list,
  NonMaxSuppressionV2: boxes,
  NonMaxSuppressionV3: boxes,
  NonMaxSuppressionV4: boxes,
  NonMaxSuppressionV5: boxes,
  CombinedNonMaxSuppression: boxes,
  RandomUniform: random,
  RandomStandardNormal: random,
  TruncatedNormal: random,
  Multinomial: random,
  StatelessRandomUniform: random,
  StatelessRandomUniformV2: random,
  StatelessRandomNormalV2: random,
  CudnnRNN: fixedUnit,
  CudnnRNNV3: fixedUnit,
  BlockLSTM: fixedUnit,
  BlockLSTMV2: fixedUnit,
} as const satisfies LayerTable;

/** How each operator of TensorFlow graphs is imported, frozen or of TensorFlow.js. */
export const TF_OPS: LayerTable = {
  ...convRows,
  ...linearRows,
  ...elementwiseRows,
  ...shapeRows,
  ...stridedSliceRows,
  ...reduceRows,
  ...indexingRows,
  ...spatialRows,
  ...flow,
};
