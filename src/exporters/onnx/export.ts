import { type Program, typeOf, type ValueId } from '../../ir/index.ts';
import { fail, ok, type Result } from '../../support/index.ts';
import type { ExportedFile } from '../exporter.ts';
import { expandForTable, writeNodes } from '../nodes.ts';
import { FUNCTION_DOMAIN, FUNCTION_DOMAIN_VERSION } from './functions/index.ts';
import { type OnnxForm, OnnxGraph } from './graph.ts';
import { ELEM_OF, encodeModel, EXTERNAL, type TensorMessage, tensorMessage, valueInfo } from './message.ts';
import { ONNX_ROWS, qdqRows } from './rows/index.ts';
import { takes } from './rows/takes.ts';

/** IR version of ONNX 1.16, the first with operator set 21. */
const IR_VERSION = 10;

/** Names that outputs have in the model, for values that a node makes; others get an Identity at the end. */
const namePorts = (
  g: OnnxGraph,
  program: Program,
): { readonly reserved: Map<ValueId, string>; readonly copies: readonly (readonly [string, ValueId])[] } => {
  const given = new Set<ValueId>();
  for (const { name, value } of program.inputs) {
    g.define(value, name);
    given.add(value);
  }
  const reserved = new Map<ValueId, string>();
  const copies: (readonly [string, ValueId])[] = [];
  const params = new Set(program.params.map((p) => p.value));
  for (const { name, value } of program.outputs) {
    const taken = g.fresh(name);
    if (given.has(value) || params.has(value) || reserved.has(value)) copies.push([taken, value]);
    else reserved.set(value, taken);
  }
  return { reserved, copies };
};

/** Names of constants of definitions: that of the node that they came with. */
const constantNames = (program: Program): ReadonlyMap<ValueId, string> => {
  const names = new Map<ValueId, string>();
  for (const { origin, op, operands } of program.nodes)
    for (const v of operands) if (!names.has(v)) names.set(v, `${origin ?? op}/constant`);
  return names;
};

/** @returns the graph of a program, or every node that cannot be written */
const graphOf = (
  program: Program,
  given: ReadonlySet<string>,
  form: OnnxForm,
): Result<{ readonly g: OnnxGraph; readonly outputs: readonly object[] }> => {
  const g = new OnnxGraph(program, form);
  const { reserved, copies } = namePorts(g, program);
  const constants = constantNames(program);
  for (const { name, value, tensor } of program.params)
    g.initializers.push(tensorMessage(g.define(value, given.has(name) ? name : (constants.get(value) ?? name)), tensor));
  const table = form === 'qdq' ? { ...ONNX_ROWS, ...qdqRows } : ONNX_ROWS;
  const problems = writeNodes('ONNX', program, table, g, (node, made) => {
    g.finish(node, typeof made === 'string' ? [made] : made, reserved);
  });
  if (problems.length > 0) return fail(...problems);
  for (const [name, value] of copies)
    g.append({ name, opType: 'Identity', domain: '', input: [g.nameOf(value)], output: [name], attribute: [] });
  const copied = copies.map(([name]) => name);
  const outputs = program.outputs.map(({ value }) => {
    const type = typeOf(program, value);
    const name = reserved.get(value);
    reserved.delete(value);
    return valueInfo(name ?? copied.shift() ?? '', ELEM_OF[type.dtype], type.shape);
  });
  return ok({ g, outputs });
};

/** A protobuf message has at most 2 GiB; parameters of more stand in files of their own. */
const MOST_INSIDE = 2 ** 31 - 2 ** 24;
/** Smaller ones stay inside. */
const LEAST_OUTSIDE = 1024;

interface Stored {
  readonly initializers: readonly TensorMessage[];
  readonly files: readonly ExportedFile[];
}

/** Tensors in the model or, where they are too large together, beside it. */
const stored = (tensors: readonly TensorMessage[], limit: number): Stored => {
  const total = tensors.reduce((n, t) => n + (t.rawData?.length ?? 0), 0);
  if (total <= limit) return { initializers: tensors, files: [] };
  const files: ExportedFile[] = [];
  const initializers = tensors.map((t): TensorMessage => {
    const { rawData, ...head } = t;
    if (rawData === undefined || rawData.length < LEAST_OUTSIDE) return t;
    const name = `weights/${files.length}.bin`;
    files.push({ name, content: rawData });
    const length = { key: 'length', value: String(rawData.length) };
    return { ...head, dataLocation: EXTERNAL, externalData: [{ key: 'location', value: name }, { key: 'offset', value: '0' }, length] };
  });
  return { initializers, files };
};

interface OnnxFiles {
  readonly files: readonly ExportedFile[];
  /** Names of the functions that the model holds. */
  readonly functions: readonly string[];
}

/**
 * A program as model.onnx, and files with its parameters where it would be too large.
 * @param mostInside - bytes of parameters that the model itself may hold
 */
export const onnxFiles = (given: Program, form: OnnxForm = 'exact', mostInside = MOST_INSIDE): Result<OnnxFiles> => {
  const program = expandForTable(given, ONNX_ROWS, takes);
  const written = graphOf(program, new Set(given.params.map((p) => p.name)), form);
  if (!written.ok) return written;
  const { g, outputs } = written.value;
  const functions = [...g.functions].map(([name, def]) => def.message(name));
  const inputs = program.inputs.map(({ value }) =>
    valueInfo(g.nameOf(value), ELEM_OF[typeOf(program, value).dtype], typeOf(program, value).shape),
  );
  const ownDomain = functions.length > 0 ? [{ domain: FUNCTION_DOMAIN, version: FUNCTION_DOMAIN_VERSION }] : [];
  const read = new Set(g.nodes.flatMap((n) => n.input));
  const { initializers, files } = stored(
    g.initializers.filter((t) => read.has(t.name)),
    mostInside,
  );
  const content = encodeModel({
    irVersion: IR_VERSION,
    producerName: 'cortexc',
    opsetImport: [{ domain: '', version: g.opset }, ...ownDomain],
    functions,
    graph: { name: program.name, node: g.nodes, initializer: initializers, input: inputs, output: outputs, valueInfo: g.valueInfos },
  });
  return ok({ files: [{ name: 'model.onnx', content }, ...files], functions: [...g.functions.keys()] });
};
