import type { Program, TensorType } from '../../ir/index.ts';
import { type Diagnostic, fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import { caught, incomplete, neverDefined } from './diagnostics.ts';
import type { ElemName } from './elem.ts';
import { GraphImporter } from './graph.ts';
import { decodeFile, type FileModel } from './model.ts';
import { Budget, Session, Warnings } from './session.ts';
import type { KnownValue, NodeReport, Quantization } from './values.ts';

export interface TfliteOptions {
  /** Name of the program; that of the subgraph when absent. */
  readonly name?: string;
}

/** An input or output as the model declares it. */
export interface TflitePort {
  readonly name: string;
  readonly elem: ElemName;
  /** The type it has in the program. */
  readonly type: TensorType;
  /** Of its integers. */
  readonly quantization: Quantization | undefined;
}

export interface TfliteSource {
  readonly schemaVersion: number;
  /** The description that the converter writes. */
  readonly producer: string;
  readonly sha256: string;
}

export interface TfliteImport {
  readonly program: Program;
  readonly warnings: readonly Diagnostic[];
  readonly source: TfliteSource;
  readonly inputs: readonly TflitePort[];
  readonly outputs: readonly TflitePort[];
}

/** What `cortexc doctor` tells about a model. */
export interface TfliteReport {
  readonly source: TfliteSource;
  readonly inputs: readonly TflitePort[];
  readonly outputs: readonly TflitePort[];
  readonly nodes: readonly NodeReport[];
  readonly totals: { readonly nodes: number; readonly ok: number; readonly approximated: number; readonly unsupported: number };
  /** Every problem of the model, those of operators included. Empty: the model can be imported. */
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** The program; with problems, its supported part, where results that could not be imported are inputs. */
  readonly program: Program | undefined;
  /** There are problems: `program` is not the model. */
  readonly partial: boolean;
}

const readInputs = (file: FileModel, importer: GraphImporter, warnings: Warnings): readonly TflitePort[] =>
  [...new Set(file.graph.inputs)].flatMap((index) => {
    const name = importer.nameOf(index);
    try {
      const { value, type } = importer.port(index);
      importer.set(index, value);
      const { signature, shape } = importer.tensor(index);
      if ((signature ?? []).includes(-1))
        warnings.add('TFL3006', `the input has shape [${(signature ?? []).join(', ')}]; the program has [${shape.join(', ')}]`, name);
      warnings.narrowed(value.elem, `input ${name}`);
      return [{ name, elem: value.elem, type, quantization: value.quantization }];
    } catch (error) {
      importer.problems.push(...caught(error));
      importer.set(index, { known: false, name, cause: `input ${name}` });
      return [];
    }
  });

/** A result in the integers that the file gives out. */
const emitOutput = (session: Session, value: KnownValue): TflitePort => {
  const { name, elem, quantization } = value;
  const real = session.wire(value);
  const wire = quantization === undefined ? real : session.codes(real, elem, quantization, name);
  const port = session.uniqueOutput(name);
  session.builder.output(port, wire);
  return { name: port, elem, type: session.builder.typeOf(wire), quantization };
};

const readOutputs = (file: FileModel, importer: GraphImporter, session: Session): readonly TflitePort[] =>
  file.graph.outputs.flatMap((index) => {
    const value = importer.value(index);
    if (value === undefined) importer.problems.push(neverDefined(importer.nameOf(index), 'outputs of the subgraph'));
    if (value === undefined || !value.known) return [];
    try {
      return [emitOutput(session, value)];
    } catch (error) {
      importer.problems.push(...caught(error));
      return [];
    }
  });

const isQuantized = (file: FileModel): boolean =>
  file.graph.operators.some((o) =>
    o.outputs.some((i) => (file.graph.tensors[i]?.scales.length ?? 0) > 0 && file.graph.tensors[i]?.type !== 0),
  );

const DIFFERENCE =
  'the model is quantized and keeps its scales; TensorFlow Lite rescales sums with 31-bit multipliers, rounding twice in its default ' +
  'kernels and once in others, an integer program here rounds once, half up, with 15-bit multipliers: values can differ by steps of their scale';

const report = (source: TfliteSource, parts: Omit<TfliteReport, 'source' | 'totals' | 'partial'>): TfliteReport => {
  const count = (verdict: NodeReport['verdict']): number => parts.nodes.filter((r) => r.verdict === verdict).length;
  const totals = { nodes: parts.nodes.length, ok: count('ok'), approximated: count('approximated'), unsupported: count('unsupported') };
  return { ...parts, source, totals, partial: parts.problems.length > 0 };
};

/** Examines every operator of a model, supported or not. Bytes that are no model are one problem, without operators. */
export const examineTflite = (bytes: Uint8Array, options: TfliteOptions = {}): TfliteReport => {
  const sha256 = sha256Hex(bytes);
  const decoded = decodeFile(bytes);
  const nothing = { inputs: [], outputs: [], nodes: [], warnings: [], program: undefined };
  if (!decoded.ok) return report({ schemaVersion: 0, producer: '', sha256 }, { ...nothing, problems: decoded.diagnostics });
  const file = decoded.value;
  const source = { schemaVersion: file.version, producer: file.description.slice(0, 200), sha256 };
  const warnings = new Warnings();
  const session = new Session(options.name ?? (file.graph.name === '' ? 'model' : file.graph.name), new Budget(bytes.length), warnings);
  const importer = new GraphImporter(session, file);
  const inputs = readInputs(file, importer, warnings);
  try {
    importer.run();
  } catch (error) {
    return report(source, { ...nothing, problems: [...importer.problems, ...caught(error)] });
  }
  const outputs = readOutputs(file, importer, session);
  for (const { name, elem } of outputs) warnings.narrowed(elem, `output ${name}`);
  if (file.graphCount > 1)
    warnings.add('TFL3007', `the file has ${file.graphCount} subgraphs; the program is the first, ${file.graph.name}`);
  if (isQuantized(file)) warnings.add('TFL3004', DIFFERENCE);
  const program = outputs.length === 0 ? undefined : session.builder.finish();
  return report(source, { inputs, outputs, nodes: importer.reports, problems: importer.problems, warnings: warnings.all(), program });
};

/**
 * Imports a TensorFlow Lite model as a float-level program; inputs and results keep the types, integers too, and the layout of the
 * file. Parameters are views of `bytes` where alignment allows, so `bytes` must not change afterwards. Lists every problem of the
 * model, not the first.
 */
export const importTflite = (bytes: Uint8Array, options: TfliteOptions = {}): Result<TfliteImport> => {
  const { source, problems, warnings, program, inputs, outputs } = examineTflite(bytes, options);
  if (problems.length > 0) return fail(...problems);
  if (program === undefined) return fail(incomplete('no output of the model could be computed'));
  return ok({ program, warnings, source, inputs, outputs });
};
