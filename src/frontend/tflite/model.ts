import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { badIndex, caught, damaged, incomplete, stop } from './diagnostics.ts';
import { FlatReader, type TableOf, type TablePosition } from './reader.ts';
import { BUILTIN_OPERATORS, operatorByCode, type OperatorName } from './schema/operators.ts';
import { FILE_TABLES } from './schema/tables.ts';

/** A tensor as the file declares it. */
export interface FileTensor {
  readonly name: string;
  /** Number in TensorType. */
  readonly type: number;
  readonly shape: readonly number[];
  /** -1 where the size is open. */
  readonly signature: readonly number[] | undefined;
  readonly buffer: number;
  readonly scales: readonly number[];
  readonly zeros: readonly number[];
  readonly axis: number;
  /** Another kind of quantization (QuantizationDetails). */
  readonly otherQuantization: boolean;
  readonly variable: boolean;
  readonly sparse: boolean;
  readonly external: boolean;
}

/** An operator as the file declares it. */
export interface FileOperator {
  /** Its place in the list of the subgraph. */
  readonly index: number;
  readonly op: OperatorName | undefined;
  /** Number in BuiltinOperator. */
  readonly code: number;
  /** Name of a CUSTOM operator. */
  readonly custom: string;
  readonly version: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly intermediates: readonly number[];
  /** Number in the union BuiltinOptions, 0 for none; the table behind it. */
  readonly optionsType: number;
  readonly options: TablePosition | undefined;
  /** Of a CUSTOM operator. */
  readonly customOptions: Uint8Array;
}

export interface FileGraph {
  readonly name: string;
  readonly tensors: readonly FileTensor[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly operators: readonly FileOperator[];
}

export interface FileModel {
  readonly reader: FlatReader;
  readonly version: number;
  readonly description: string;
  readonly graphCount: number;
  readonly graph: FileGraph;
  /** Bytes of each buffer; empty where it has none. */
  readonly buffers: readonly Uint8Array[];
}

type OperatorCode = TableOf<(typeof FILE_TABLES)['OperatorCode']>;

/** Old files have the code in a byte; new ones in both fields, the byte cut to 127. */
const codeOf = (c: OperatorCode): number => Math.max(c.deprecated_builtin_code, c.builtin_code);

const readTensor = (reader: FlatReader, position: TablePosition): FileTensor => {
  const t = reader.table(FILE_TABLES.Tensor, position);
  const q = reader.table(FILE_TABLES.QuantizationParameters, t.quantization);
  return {
    name: t.name,
    type: t.type,
    shape: t.shape ?? [],
    signature: t.shape_signature,
    buffer: t.buffer,
    scales: q.scale ?? [],
    zeros: q.zero_point ?? [],
    axis: q.quantized_dimension,
    otherQuantization: q.details_type !== 0,
    variable: t.is_variable,
    sparse: t.sparsity !== undefined,
    external: t.external_buffer !== 0,
  };
};

const readOperator = (reader: FlatReader, position: TablePosition, index: number, codes: readonly OperatorCode[]): FileOperator => {
  const o = reader.table(FILE_TABLES.Operator, position);
  const code = codes[o.opcode_index];
  if (code === undefined) return stop(badIndex('operator code', o.opcode_index, codes.length, `operator ${index}`));
  const number = codeOf(code);
  return {
    index,
    op: operatorByCode(number),
    code: number,
    custom: number === BUILTIN_OPERATORS.CUSTOM ? code.custom_code : '',
    version: code.version,
    inputs: o.inputs ?? [],
    outputs: o.outputs ?? [],
    intermediates: o.intermediates ?? [],
    optionsType: o.builtin_options_type,
    options: o.builtin_options,
    customOptions: o.custom_options ?? new Uint8Array(0),
  };
};

const readGraph = (reader: FlatReader, position: TablePosition, codes: readonly OperatorCode[]): FileGraph => {
  const g = reader.table(FILE_TABLES.SubGraph, position);
  return {
    name: g.name,
    tensors: g.tensors.map((t) => readTensor(reader, t)),
    inputs: g.inputs ?? [],
    outputs: g.outputs ?? [],
    operators: g.operators.map((o, i) => readOperator(reader, o, i, codes)),
  };
};

/** In files above 2 GiB a buffer lies behind the FlatBuffer, at an offset from the start of the file. */
const readBuffer = (reader: FlatReader, position: TablePosition): Uint8Array => {
  const b = reader.table(FILE_TABLES.Buffer, position);
  if (b.data !== undefined || b.offset <= 1) return b.data ?? new Uint8Array(0);
  if (b.offset + b.size > reader.bytes.length)
    return stop(damaged(`a buffer of ${b.size} bytes at ${b.offset} is wanted, but there are ${reader.bytes.length}`));
  return reader.bytes.subarray(b.offset, b.offset + b.size);
};

/** The buffer, the operator codes and the first subgraph. Every index of an operator is checked. */
const indexProblems = ({ tensors, inputs, outputs, operators }: FileGraph, bufferCount: number): readonly Diagnostic[] => {
  const inside = (least: number, i: number): boolean => i >= least && i < tensors.length;
  const bad = (list: readonly number[], least: number, where: string): readonly Diagnostic[] =>
    list.filter((i) => !inside(least, i)).map((i) => badIndex('tensor', i, tensors.length, where));
  return [
    ...bad(inputs, 0, 'inputs of the subgraph'),
    ...bad(outputs, 0, 'outputs of the subgraph'),
    // -1 is an optional input that is left out
    ...operators.flatMap((o) => [...bad(o.inputs, -1, `operator ${o.index}`), ...bad(o.outputs, 0, `operator ${o.index}`)]),
    ...tensors.filter((t) => t.buffer >= bufferCount).map((t) => badIndex('buffer', t.buffer, bufferCount, `tensor ${t.name}`)),
  ];
};

export const isTflite = (bytes: Uint8Array): boolean => bytes.length >= 8 && String.fromCharCode(...bytes.subarray(4, 8)) === 'TFL3';

/** Reads a file: the first subgraph, which is the model, and the buffers. */
export const decodeFile = (bytes: Uint8Array): Result<FileModel> => {
  if (!isTflite(bytes)) return fail(damaged('they do not have the identifier TFL3 at byte 4'));
  try {
    const reader = new FlatReader(bytes);
    const model = reader.table(FILE_TABLES.Model, reader.root());
    if (model.version !== 3) return fail(incomplete(`the schema version is ${model.version}, but 3 is read`));
    const codes = model.operator_codes.map((c) => reader.table(FILE_TABLES.OperatorCode, c));
    const [first] = model.subgraphs;
    if (first === undefined) return fail(incomplete('the model has no subgraph'));
    const graph = readGraph(reader, first, codes);
    if (graph.outputs.length === 0) return fail(incomplete('the subgraph has no output'));
    const buffers = model.buffers.map((b) => readBuffer(reader, b));
    const problems = indexProblems(graph, buffers.length);
    if (problems.length > 0) return fail(...problems);
    return ok({ reader, version: model.version, description: model.description, graphCount: model.subgraphs.length, graph, buffers });
  } catch (error) {
    return fail(...caught(error));
  }
};
