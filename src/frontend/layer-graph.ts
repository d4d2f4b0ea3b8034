import { elementCount, isStaticShape, programOperations, runProgram } from '../ir/index.ts';
import { at, type Diagnostic } from '../support/index.ts';
import type { ImportOptions, ImportPort, ImportReport, LayerReport } from './contract.ts';
import { type ElemName, ELEMS, type HostTensor, makeHost } from './host-tensor.ts';
import { caught, definedTwice, incomplete, inputUnknown, layerUnsupported, neverDefined, shapeMissing, stop } from './import-problems.ts';
import { type Filling, ImportSession, type KnownValue, type Made, type OpenParameter, toFile, type Value } from './import-session.ts';
import { LayerNode } from './layer-node.ts';

/** How one type of layer is imported: gives one entry for each output that is supported, in order. */
export interface LayerRow {
  readonly import: (n: LayerNode) => readonly Made[];
  /** Its result is not a function of its inputs alone, or has no use at import: never computed with constants. */
  readonly never?: 'folded';
}
/** Why a type of layer is not imported. */
export interface LayerRefusal {
  readonly refused: string;
}
export type LayerTable = Readonly<Record<string, LayerRow | LayerRefusal>>;

/** A layer as the file has it. Tensors are named; an input that is left out is undefined. */
export interface Layer {
  readonly name: string;
  readonly op: string;
  readonly version?: number | undefined;
  readonly inputs: readonly (string | undefined)[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, unknown>;
}

/** A model as its file has it, decoded: what every importer of layers makes. */
export interface LayerGraph {
  /** The field's name of the format. */
  readonly title: string;
  readonly name: string;
  readonly producer: string;
  /** Bytes of all files: bounds what may be made of them. */
  readonly fileBytes: number;
  /**
   * A shape that is undefined has to be given (--shape). Where --shape names a tensor that a layer makes, the model starts there: that
   * tensor is a float32 input of the shape, and layers and inputs that only it depends on are left out.
   */
  readonly inputs: readonly { readonly name: string; readonly elem: ElemName; readonly shape: readonly number[] | undefined }[];
  /** Stored parameters, by the names that layers use. Read when a layer asks, so that large files are not decoded twice. */
  readonly stored: (name: string) => HostTensor | undefined;
  /** Tensors that are parameters though no file may hold their elements. */
  readonly isParameter: (name: string) => boolean;
  /** In any order; layers that read each other in a circle are a problem. */
  readonly layers: readonly Layer[];
  readonly outputs: readonly { readonly name: string; readonly tensor: string }[];
  /** Problems and warnings of decoding. */
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** Work that may be spent on one layer at import, in operations. */
const MAX_FOLD_COST = 2 ** 22;

interface Ordered {
  readonly live: readonly Layer[];
  /** Tensors of layers that are inputs instead. */
  readonly starts: ReadonlySet<string>;
  readonly problems: readonly Diagnostic[];
}

/** Layers that outputs depend on, each after those that it reads; `shapes` are the tensors that --shape names. */
const ordered = (graph: LayerGraph, shapes: ImportOptions['shapes']): Ordered => {
  const makers = new Map<string, Layer>();
  const problems: Diagnostic[] = [];
  for (const layer of graph.layers)
    for (const name of layer.outputs) {
      if (makers.has(name)) problems.push(definedTwice(`tensor ${name}`, layer.name));
      else makers.set(name, layer);
    }
  const starts = new Set([...shapes.keys()].filter((name) => makers.has(name) && !graph.inputs.some((i) => i.name === name)));
  for (const name of starts) makers.delete(name);
  const state = new Map<Layer, 'open' | 'done'>();
  const live: Layer[] = [];
  // an own stack: graphs of thousands of layers in a row are normal
  for (const { tensor } of graph.outputs) {
    const root = makers.get(tensor);
    const stack: { readonly layer: Layer; next: number }[] = root === undefined || state.has(root) ? [] : [{ layer: root, next: 0 }];
    if (root !== undefined && stack.length > 0) state.set(root, 'open');
    while (stack.length > 0) {
      const top = at(stack, stack.length - 1);
      if (top.next === top.layer.inputs.length) {
        state.set(top.layer, 'done');
        live.push(top.layer);
        stack.pop();
        continue;
      }
      const name = top.layer.inputs[top.next++];
      const maker = name === undefined ? undefined : makers.get(name);
      if (maker === undefined || state.get(maker) === 'done') continue;
      if (state.get(maker) === 'open') {
        problems.push(neverDefined(`tensor ${name ?? ''}, which is made of its own reader ${top.layer.name}`, maker.name));
        continue;
      }
      state.set(maker, 'open');
      stack.push({ layer: maker, next: 0 });
    }
  }
  return { live, starts, problems };
};

/** Imports a decoded graph, layer by layer. */
class GraphImporter {
  readonly session: ImportSession;
  readonly reports: LayerReport[] = [];
  readonly problems: Diagnostic[] = [];
  private readonly graph: LayerGraph;
  private readonly table: LayerTable;
  private readonly values = new Map<string, Value>();
  private readonly order: Ordered;

  constructor(graph: LayerGraph, table: LayerTable, session: ImportSession, shapes: ImportOptions['shapes']) {
    this.graph = graph;
    this.table = table;
    this.session = session;
    this.order = ordered(graph, shapes);
  }

  /** Where the model starts in its midst, inputs that nothing reads any more are none. */
  private ports(): LayerGraph['inputs'] {
    const { live, starts } = this.order;
    if (starts.size === 0) return this.graph.inputs;
    const read = new Set([...live.flatMap((l) => l.inputs), ...this.graph.outputs.map((o) => o.tensor)]);
    const inner = [...starts].map((name) => ({ name, elem: 'float32' as const, shape: undefined }));
    return [...this.graph.inputs, ...inner].filter((i) => read.has(i.name));
  }

  inputs(shapes: ImportOptions['shapes']): readonly ImportPort[] {
    const names = this.graph.inputs.map((i) => i.name);
    for (const name of shapes.keys())
      if (!names.includes(name) && !this.order.starts.has(name)) this.problems.push(inputUnknown(name, names));
    return this.ports().flatMap(({ name, elem, shape: own }) => {
      const shape = shapes.get(name) ?? own;
      if (shape === undefined) {
        this.problems.push(shapeMissing(name, 'the file does not tell its shape'));
        this.values.set(name, { known: false, name, cause: `input ${name}` });
        return [];
      }
      const type = { dtype: ELEMS[elem].dtype, shape };
      this.session.narrowed(elem, `input ${name}`);
      const wires = { file: this.session.input(name, type), first: undefined };
      this.values.set(name, { known: true, name, elem, shape, wires });
      return [{ name, type }];
    });
  }

  /** A tensor that is defined so far. */
  private value(name: string): Value | undefined {
    const have = this.values.get(name);
    if (have !== undefined) return have;
    const host = this.graph.stored(name);
    const made: Value | undefined =
      host !== undefined
        ? { known: true, name, elem: host.elem, shape: host.shape, host, wires: { file: undefined, first: undefined } }
        : this.graph.isParameter(name)
          ? { known: 'open', name }
          : undefined;
    if (made !== undefined) this.values.set(name, made);
    return made;
  }

  run(): void {
    const { live, problems } = this.order;
    this.problems.push(...problems);
    const left = this.graph.layers.length - live.length;
    if (left > 0) this.session.warnings.add('IMP3002', `${left} layers that no output depends on were left out`);
    for (const layer of live) this.one(layer);
  }

  private one(layer: Layer): void {
    const report = { name: layer.name, op: layer.op, domain: '' as const, version: layer.version };
    try {
      const inputs = layer.inputs.map((name) => (name === undefined ? undefined : this.value(name)));
      const missing = layer.inputs.filter((name, i) => name !== undefined && inputs[i] === undefined);
      if (missing.length > 0) stop(...missing.map((name) => neverDefined(`tensor ${name ?? ''}`, layer.name)));
      const row = Object.hasOwn(this.table, layer.op) ? this.table[layer.op] : undefined;
      if (row === undefined) return void stop(layerUnsupported(layer.op, `this importer does not know it`, layer.name));
      if ('refused' in row) return void stop(layerUnsupported(layer.op, row.refused, layer.name));
      const unknown = inputs.find((v) => v?.known === false);
      if (unknown?.known === false) {
        this.setUnknown(layer, unknown.cause);
        const reason = `only the type of the layer was checked: ${unknown.name} depends on ${unknown.cause}`;
        this.reports.push({ ...report, verdict: 'ok', reason, becomes: [], diagnostics: [] });
        return;
      }
      this.session.takeEmitted();
      const approximations = this.imported(layer, row, inputs as readonly (KnownValue | OpenParameter | undefined)[]);
      const becomes = this.session.takeEmitted();
      this.reports.push({
        ...report,
        verdict: approximations.length > 0 ? 'approximated' : 'ok',
        ...(approximations.length > 0 ? { reason: approximations.join('; ') } : {}),
        becomes,
        diagnostics: [],
      });
    } catch (error) {
      const diagnostics = caught(error).map((d) => (d.where === undefined ? { ...d, where: layer.name } : d));
      this.problems.push(...diagnostics);
      this.setUnknown(layer, `${layer.op} ${layer.name}`);
      this.reports.push({
        ...report,
        verdict: 'unsupported',
        reason: diagnostics.map((d) => d.message).join('; '),
        becomes: [],
        diagnostics,
      });
    }
  }

  /** A tensor that is defined already is an input. */
  private set(name: string, value: Value): void {
    if (!this.values.has(name)) this.values.set(name, value);
  }
  private setUnknown(layer: Layer, cause: string): void {
    for (const name of layer.outputs) this.set(name, { known: false, name, cause });
  }

  private imported(layer: Layer, row: LayerRow, inputs: readonly (KnownValue | OpenParameter | undefined)[]): readonly string[] {
    const site = {
      op: layer.op,
      origin: layer.name,
      inputs,
      outputCount: layer.outputs.length,
      attributes: layer.attributes,
      stored: this.graph.stored,
    };
    const folded = this.folded(row, site, layer);
    if (folded !== undefined) {
      layer.outputs.forEach((name, i) => this.set(name, at(folded, i)));
      return [];
    }
    const n = new LayerNode(site, this.session);
    const made = madeBy(n, row);
    layer.outputs.forEach((name, i) => this.set(name, resultOf(n, name, at(made, i))));
    return n.approximated();
  }

  /** Small computations on constants (shapes, axes): the program's own meaning, run now. */
  private folded(row: LayerRow, site: LayerNode['site'], layer: Layer): readonly KnownValue[] | undefined {
    const known = site.inputs.filter((v) => v !== undefined);
    if (row.never === 'folded' || known.length === 0 || known.some((v) => v.known === 'open' || v.host === undefined)) return undefined;
    const size = known.reduce((sum, v) => sum + (v.known === 'open' ? 0 : (v.host?.data.length ?? 0)), 0);
    if (size > this.session.maxFold) return undefined;
    const session = new ImportSession('fold', 0, 'none');
    // wires belong to one program: those of the outer one are of no use here
    const inputs = site.inputs.map((v) => (v?.known === true ? { ...v, wires: { file: undefined, first: undefined } } : undefined));
    const n = new LayerNode({ ...site, inputs }, session);
    const results = madeBy(n, row).map((m, i) => resultOf(n, layer.outputs[i] ?? '', m));
    const wires = results.map((r) => (r.host === undefined ? session.wire(r) : undefined));
    const total = wires.reduce<number>((sum, w) => sum + (w === undefined ? 0 : elementCount(n.sizes(w))), 0);
    wires.forEach((w, i) => w !== undefined && session.builder.output(`y${i}`, w));
    const program = session.builder.finish();
    if (total > this.session.maxFold || programOperations(program) > MAX_FOLD_COST || !this.session.take(total)) return undefined;
    const tensors = total === 0 && wires.every((w) => w === undefined) ? [] : runProgram(program, []);
    // a NaN made here would be blamed on a constant that the user does not have
    if (tensors.some((t) => t.dtype === 'f32' && t.data.some((v) => Number.isNaN(v)))) return undefined;
    let next = 0;
    return results.map((r, i) => {
      if (wires[i] === undefined) return { ...r, wires: { file: undefined, first: undefined } };
      const { data, shape } = at(tensors, next++);
      const held = makeHost(r.elem, data.length);
      held.set(data);
      return { ...r, shape, host: { elem: r.elem, shape, data: held }, wires: { file: undefined, first: undefined } };
    });
  }

  outputs(): readonly ImportPort[] {
    const used = new Set<string>();
    return this.graph.outputs.flatMap(({ name, tensor }) => {
      const value = this.value(tensor);
      if (value === undefined) this.problems.push(neverDefined(`tensor ${tensor}`, `output ${name}`));
      if (value === undefined || value.known !== true) return [];
      try {
        let port = name;
        for (let k = 2; used.has(port); k++) port = `${name}_${k}`;
        used.add(port);
        const wire = this.session.wire(value);
        this.session.narrowed(value.elem, `output ${name}`);
        this.session.builder.output(port, wire);
        return [{ name: port, type: this.session.builder.typeOf(wire) }];
      } catch (error) {
        this.problems.push(...caught(error));
        return [];
      }
    });
  }
}

/** Runs a row, and refuses what it did not look at: the meaning might be another. */
const madeBy = (n: LayerNode, row: LayerRow): readonly Made[] => {
  const made = row.import(n);
  const unread = n.unread();
  if (unread.length > 0) stop(...unread);
  return made.length < n.outputCount ? n.refuse(`output ${made.length} is not supported`) : made.slice(0, Math.max(1, n.outputCount));
};

const ELEM_OF_DTYPE = { f32: 'float32', i32: 'int32', i16: 'int16', i8: 'int8', i6: 'int8', u8: 'uint8', bool: 'bool' } as const;

const resultOf = (n: LayerNode, name: string, made: Made): KnownValue => {
  if (typeof made !== 'number' && 'same' in made) return { ...made.same, name };
  const none = { file: undefined, first: undefined };
  if (typeof made !== 'number' && 'host' in made)
    return { known: true, name, elem: made.host.elem, shape: made.host.shape, host: made.host, wires: none };
  const wired = typeof made === 'number' ? { value: made, layout: 'file' as const } : made;
  const sizes = n.sizes(wired.value);
  const shape = wired.layout === 'file' ? sizes : toFile(sizes.length).map((p) => at(sizes, p));
  const elem = ('elem' in wired ? wired.elem : undefined) ?? ELEM_OF_DTYPE[n.typeOf(wired.value).dtype];
  return { known: true, name, elem, shape, wires: { ...none, [wired.layout]: wired.value } };
};

const fillingOf = ({ randomParams, structureOnly }: Pick<ImportOptions, 'randomParams' | 'structureOnly'>): Filling =>
  structureOnly === true ? 'zeros' : randomParams ? 'random' : 'none';

/** Imports a decoded model: every layer is examined, and every problem listed. */
export const importLayers = (
  graph: LayerGraph,
  table: LayerTable,
  options: Pick<ImportOptions, 'shapes' | 'randomParams' | 'structureOnly'>,
): ImportReport => {
  const session = new ImportSession(graph.name === '' ? 'model' : graph.name, graph.fileBytes, fillingOf(options));
  const importer = new GraphImporter(graph, table, session, options.shapes);
  const inputs = importer.inputs(options.shapes);
  let outputs: readonly ImportPort[] = [];
  try {
    importer.run();
    outputs = importer.outputs();
  } catch (error) {
    importer.problems.push(...caught(error));
  }
  const problems = [...graph.problems, ...importer.problems];
  if (graph.outputs.length === 0) problems.push(incomplete('the model has no output'));
  const program = outputs.length === 0 ? undefined : session.builder.finish();
  if (program !== undefined && !program.types.every((t) => isStaticShape(t.shape))) problems.push(incomplete('a dimension is open'));
  return {
    producer: graph.producer,
    inputs,
    outputs,
    nodes: importer.reports,
    problems,
    warnings: [...graph.warnings, ...session.warnings.all()],
    program,
  };
};

/** The report on bytes that are no model. */
export const noModel = (...problems: readonly Diagnostic[]): ImportReport => ({
  producer: '',
  inputs: [],
  outputs: [],
  nodes: [],
  problems,
  warnings: [],
  program: undefined,
});
