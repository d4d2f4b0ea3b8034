import { type Dim, elementCount, MAX_ELEMENTS, MAX_RANK, type Program, type Shape, type TensorType } from '../../ir/index.ts';
import { type Diagnostic, fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import { caught, definedTwice, incomplete, malformed, neverDefined, tensorProblem, typeUnsupported } from './diagnostics.ts';
import { elemByCode, type ElemName, elemOf, type HostTensor, otherElemName } from './elem.ts';
import { GraphImporter, opsetsOf, Scope } from './graph.ts';
import { decodeModel, type DimensionProto, type GraphProto, int64, type ModelProto, type ValueInfoProto } from './schema.ts';
import { Budget, SEED_TYPE, Session, Warnings } from './session.ts';
import { type InputConstant, isStored, storedConstant, valuesConstant } from './input-constant.ts';
import type { ReadExternal } from './tensor.ts';
import { hostValue, type KnownValue, type NodeReport } from './values.ts';

export interface OnnxOptions {
  /** Name of the program; the graph's own when absent. */
  readonly name?: string;
  /** Reads a file beside the model. Locations are plain relative paths; following links is up to the reader. */
  readonly readExternal?: ReadExternal;
  /** Numbers for symbolic dimensions. */
  readonly bind?: ReadonlyMap<string, number>;
  /** Values of inputs that are fixed at import: shapes, axes, scales, … They are no inputs of the program. */
  readonly constants?: ReadonlyMap<string, InputConstant>;
}

/** An input or output as the model declares it. */
export interface OnnxPort {
  readonly name: string;
  /** ONNX element type, `float`, `int64`, … */
  readonly elem: ElemName;
  /** The type it has in the program. */
  readonly type: TensorType;
}

export interface OnnxSource {
  readonly irVersion: number;
  /** Version of the default operator set; 0 when the model imports none. */
  readonly opset: number;
  readonly producer: string;
  readonly opsetImports: readonly { readonly domain: string; readonly version: number }[];
  readonly sha256: string;
}

export interface OnnxImport {
  readonly program: Program;
  readonly warnings: readonly Diagnostic[];
  readonly source: OnnxSource;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

/** Everything that is found in a model, supported or not. */
export interface Examination {
  readonly source: OnnxSource;
  readonly reports: readonly NodeReport[];
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** With stand-in inputs for results that could not be imported, when there are problems. Absent when nothing is left. */
  readonly program: Program | undefined;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

const sourceOf = (model: ModelProto, bytes: Uint8Array): OnnxSource => ({
  irVersion: int64(model.irVersion),
  opset: opsetsOf(model.opsetImport).get('') ?? 0,
  producer: [model.producerName, model.producerVersion].filter((t) => t !== '').join(' '),
  opsetImports: model.opsetImport.map((o) => ({ domain: o.domain, version: int64(o.version) })),
  sha256: sha256Hex(bytes),
});

/** Gives symbolic dimensions identifiers: the user's name where it is one, each name once. */
class Symbols {
  private readonly byParam = new Map<string, string>();
  private readonly taken = new Set<string>();
  private readonly bind: ReadonlyMap<string, number>;
  constructor(bind: ReadonlyMap<string, number>) {
    this.bind = bind;
  }
  /** @param param - dim_param, or a key of our own for a dimension without a name */
  dim(param: string, wish: string): Dim {
    const symbol = this.byParam.get(param) ?? this.fresh(wish);
    this.byParam.set(param, symbol);
    return this.bind.get(symbol) ?? this.bind.get(param) ?? symbol;
  }
  private fresh(wish: string): string {
    const cleaned = wish.replace(/[^A-Za-z0-9_]/g, '_').slice(0, 64);
    const base = /^[A-Za-z]/.test(cleaned) ? cleaned : `d${cleaned}`;
    let symbol = base;
    for (let i = 2; this.taken.has(symbol); i++) symbol = `${base}_${i}`;
    this.taken.add(symbol);
    return symbol;
  }
}

const dimOf = (d: DimensionProto, key: string, wish: string, symbols: Symbols): Dim => {
  if (d.dimValue !== undefined && Object.hasOwn(d, 'dimValue')) return int64(d.dimValue);
  return d.dimParam === undefined || d.dimParam === '' ? symbols.dim(key, wish) : symbols.dim(d.dimParam, d.dimParam);
};

type Declared = { readonly elem: ElemName; readonly shape: Shape };

const kindOf = (info: ValueInfoProto): string => {
  const t = info.type;
  if (t?.sequenceType) return 'a sequence';
  if (t?.mapType) return 'a map';
  if (t?.optionalType) return 'an optional';
  if (t?.sparseTensorType) return 'a sparse tensor';
  return t?.opaqueType ? 'opaque' : 'without a type';
};

/** The declared type of a value, or what is wrong with it. */
const declaredType = (info: ValueInfoProto, what: string, symbols: Symbols): Result<Declared> => {
  const tensor = info.type?.tensorType;
  const where = `${what} ${info.name}`;
  if (tensor === undefined || tensor === null) return fail(typeUnsupported(`it is ${kindOf(info)}, but a tensor is needed`, where));
  const elem = elemByCode(tensor.elemType);
  if (elem === undefined) {
    const other = otherElemName(tensor.elemType);
    return other === undefined
      ? fail(tensorProblem('ONX1009')(info.name, `its elem_type is ${tensor.elemType}`))
      : fail(typeUnsupported(`its elements are ${other}`, where));
  }
  if (tensor.shape === undefined || tensor.shape === null) return fail(typeUnsupported('its rank is not declared', where));
  const shape = tensor.shape.dim.map((d, i) => dimOf(d, `\n${info.name}\n${i}`, i === 0 ? 'N' : `${info.name}_${i}`, symbols));
  const known = shape.filter((d): d is number => typeof d === 'number');
  if (
    shape.length > MAX_RANK ||
    known.some((d) => !Number.isSafeInteger(d) || d < 0) ||
    elementCount(known.filter((d) => d > 0)) > MAX_ELEMENTS
  )
    return fail(tensorProblem('ONX1007')(info.name, `its shape is [${shape.slice(0, 16).join(', ')}]`));
  return ok({ elem, shape });
};

const constantOf = (info: ValueInfoProto, constant: InputConstant, symbols: Symbols): Result<HostTensor> => {
  if (isStored(constant)) return storedConstant(constant);
  const declared = declaredType(info, 'input', symbols);
  return declared.ok ? valuesConstant(info.name, constant, declared.value.elem, declared.value.shape) : declared;
};

/** Reads the inputs that are not initializers into the scope. */
const readInputs = (
  graph: GraphProto,
  scope: Scope,
  session: Session,
  symbols: Symbols,
  problems: Diagnostic[],
  constants: ReadonlyMap<string, InputConstant>,
): readonly OnnxPort[] => {
  const initialized = new Set(graph.initializer.map((t) => t.name));
  return graph.input.flatMap((info) => {
    const fixed = constants.get(info.name);
    if (fixed !== undefined) {
      const host = constantOf(info, fixed, symbols);
      if (!host.ok) problems.push(...host.diagnostics);
      scope.set(info.name, host.ok ? hostValue(info.name, host.value) : { known: false, name: info.name, cause: `input ${info.name}` });
      return [];
    }
    if (scope.defines(info.name)) {
      if (!initialized.has(info.name)) problems.push(definedTwice(info.name));
      return [];
    }
    const declared = declaredType(info, 'input', symbols);
    if (!declared.ok) {
      problems.push(...declared.diagnostics);
      scope.set(info.name, { known: false, name: info.name, cause: `input ${info.name}` });
      return [];
    }
    const { elem, shape } = declared.value;
    const type = { dtype: elemOf(elem).dtype, shape };
    scope.set(info.name, { known: true, name: info.name, elem, shape, wire: session.input(info.name, type) });
    return [{ name: info.name, elem, type }];
  });
};

const readOutputs = (graph: GraphProto, scope: Scope, session: Session, problems: Diagnostic[]): readonly OnnxPort[] => {
  const seen = new Set<string>();
  return graph.output.flatMap((info) => {
    const value = scope.get(info.name);
    if (seen.has(info.name)) problems.push(definedTwice(info.name, 'graph outputs'));
    seen.add(info.name);
    if (value === undefined) problems.push(neverDefined(info.name, 'graph outputs'));
    if (value === undefined || !value.known) return [];
    const stated = elemByCode(info.type?.tensorType?.elemType ?? 0);
    if (stated !== undefined && stated !== value.elem) {
      problems.push(malformed(`it is declared ${stated} but the graph computes ${value.elem}`, `output ${info.name}`));
    }
    try {
      const wire = session.wire(value);
      session.builder.output(info.name, wire);
      return [{ name: info.name, elem: value.elem, type: session.builder.typeOf(wire) }];
    } catch (error) {
      problems.push(...caught(error));
      return [];
    }
  });
};

/** Types of inner values where the model declares them, for stand-ins. */
const standIns = (graph: GraphProto, session: Session, symbols: Symbols, inputs: () => readonly OnnxPort[]) => {
  const declared = new Map([...graph.valueInfo, ...graph.output].map((info) => [info.name, info]));
  return (name: string): KnownValue | undefined => {
    const info = declared.get(name);
    const type = info === undefined ? undefined : declaredType(info, 'value', symbols);
    if (type === undefined || !type.ok) return undefined;
    const { elem, shape } = type.value;
    // a symbol that no input has cannot be bound: problems further on would be about the stand-in, not the model
    const bindable = new Set(inputs().flatMap((port) => port.type.shape));
    if (shape.some((d) => typeof d === 'string' && !bindable.has(d))) return undefined;
    return { known: true, name, elem, shape, wire: session.input(name, { dtype: elemOf(elem).dtype, shape }) };
  };
};

const modelProblems = (model: ModelProto, graph: GraphProto | undefined): readonly Diagnostic[] => [
  ...(graph === undefined ? [incomplete('the model has no graph')] : []),
  ...(graph !== undefined && graph.output.length === 0 ? [incomplete('the graph has no output')] : []),
  ...(model.opsetImport.length === 0 ? [incomplete('the model imports no operator set (opset_import is empty)')] : []),
];

const failed = (source: OnnxSource, problems: readonly Diagnostic[]): Examination => ({
  source,
  reports: [],
  problems,
  warnings: [],
  program: undefined,
  inputs: [],
  outputs: [],
});

/** Reads a whole model and goes on after every problem. */
export const examineModel = (bytes: Uint8Array, options: OnnxOptions): Examination => {
  const decoded = decodeModel(bytes);
  if (!decoded.ok) return failed({ irVersion: 0, opset: 0, producer: '', opsetImports: [], sha256: sha256Hex(bytes) }, decoded.diagnostics);
  const model = decoded.value;
  const source = sourceOf(model, bytes);
  const graph = model.graph ?? undefined;
  const first = modelProblems(model, graph);
  if (graph === undefined || first.length > 0) return failed(source, first);
  const warnings = new Warnings();
  const symbols = new Symbols(options.bind ?? new Map());
  const session = new Session(options.name ?? (graph.name === '' ? 'model' : graph.name), new Budget(bytes.length), warnings);
  let inputs: readonly OnnxPort[] = [];
  const standIn = standIns(graph, session, symbols, () => inputs);
  const importer = new GraphImporter(session, model.functions, options.readExternal, standIn);
  const scope = new Scope();
  const { problems } = importer;
  importer.initializers(graph, scope);
  inputs = readInputs(graph, scope, session, symbols, problems, options.constants ?? new Map());
  for (const { name, elem } of inputs) warnings.narrowed(elem, `input ${name}`);
  try {
    importer.main(graph, scope, opsetsOf(model.opsetImport));
  } catch (error) {
    // a cycle or a limit: nothing can be said about single nodes
    return failed(source, [...problems, ...caught(error)]);
  }
  const outputs = readOutputs(graph, scope, session, problems);
  for (const { name, elem } of outputs) warnings.narrowed(elem, `output ${name}`);
  const program = outputs.length === 0 ? undefined : session.builder.finish();
  const { seedName } = session;
  if (seedName !== undefined) inputs = [...inputs, { name: seedName, elem: 'int32', type: SEED_TYPE }];
  return { source, reports: importer.reports, problems, warnings: warnings.all(), program, inputs, outputs };
};

/**
 * Imports an ONNX model as a float-level program. Parameters are views of `bytes` where alignment allows, so `bytes`
 * must not change afterwards. Lists every problem of the model, not the first.
 */
export const importOnnx = (bytes: Uint8Array, options: OnnxOptions = {}): Result<OnnxImport> => {
  const { source, problems, warnings, program, inputs, outputs } = examineModel(bytes, options);
  if (problems.length > 0) return fail(...problems);
  if (program === undefined) return fail(incomplete('no output of the graph could be computed'));
  return ok({ program, warnings, source, inputs, outputs });
};
