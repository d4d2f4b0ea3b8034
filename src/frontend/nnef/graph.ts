import { at, type Diagnostic } from '../../support/index.ts';
import type { FilesBeside } from '../contract.ts';
import type { ElemName, HostTensor } from '../host-tensor.ts';
import {
  caught,
  detailUnsupported,
  incomplete,
  layerUnsupported,
  malformed,
  neverDefined,
  parameterProblem,
  stop,
} from '../import-problems.ts';
import type { Role } from '../import-session.ts';
import type { Layer, LayerGraph } from '../layer-graph.ts';
import { type Assignment, type Document, type Expr, type Literal, parseQuantization } from './parse.ts';
import { type Parameter, SIGNATURES } from './signatures.ts';
import { dequantized, type StoredQuantization, storedQuantization } from './quantization.ts';
import { UNREADABLE } from './ops/shape.ts';
import { readTensorFile } from './tensor-file.ts';

const ELEM_OF: Readonly<Record<string, ElemName>> = { scalar: 'float32', integer: 'int32', logical: 'bool' };
const EXTENSIONS: ReadonlySet<string> = new Set(['KHR_enable_fragment_definitions', 'KHR_enable_operator_expressions']);

/** What inputs of operations are, for parameters that are made up. */
const ROLES: Readonly<Record<string, readonly (Role | undefined)[]>> = {
  conv: [undefined, 'weight', 'shift'],
  deconv: [undefined, 'weight', 'shift'],
  linear: [undefined, 'weight', 'shift'],
  batch_normalization: [undefined, 'mean', 'variance', 'shift', 'scale'],
};

/** Reads a document into layers: nested invocations become layers of their own, literals among tensors constants. */
class GraphBuilder {
  readonly problems: Diagnostic[] = [];
  private readonly inputs: { readonly name: string; readonly elem: ElemName; readonly shape: readonly number[] }[] = [];
  private readonly layers: Layer[] = [];
  /** Tensors and lists of tensors that assignments have made. */
  private readonly made = new Set<string>();
  private readonly variables = new Map<string, { readonly label: string; readonly shape: readonly number[] }>();
  private readonly constants = new Map<string, HostTensor>();
  private readonly read = new Map<string, HostTensor>();
  /** Tensors that could not be read, each with a layer that tells why. */
  private readonly unread = new Set<string>();
  private readonly quantization: ReadonlyMap<string, Expr>;
  private readonly aliases = new Map<string, string>();
  private temporaries = 0;
  private bytes: number;
  private readonly document: Document;
  private readonly beside: FilesBeside;

  constructor(document: Document, beside: FilesBeside, bytes: number) {
    this.document = document;
    this.beside = beside;
    this.bytes = bytes;
    const quant = beside.has('graph.quant') ? beside.read('graph.quant') : undefined;
    this.quantization = quant?.ok === true ? parseQuantization(new TextDecoder().decode(quant.value)) : new Map();
  }

  /** The value of an expression that has to be known. */
  private literal(e: Expr, where: string): Literal {
    if (e.kind === 'literal') return e.value;
    if (e.kind === 'list') return e.items.map((item) => this.literal(item, where));
    return stop(malformed(`${e.kind === 'name' ? e.name : e.op} stands where a number, a text or a list is wanted`, where));
  }

  private constant(value: number | boolean): string {
    const name = `constant ${String(value)}`;
    this.constants.set(name, {
      elem: typeof value === 'boolean' ? 'bool' : 'float32',
      shape: [],
      data: typeof value === 'boolean' ? Uint8Array.of(Number(value)) : Float32Array.of(value),
    });
    return name;
  }

  /** The tensor that an expression stands for. */
  private tensor(e: Expr, where: string): string {
    if (e.kind === 'name')
      return this.made.has(e.name) ? (this.aliases.get(e.name) ?? e.name) : stop(neverDefined(`tensor ${e.name}`, where));
    if (e.kind === 'literal' && typeof e.value !== 'string') return this.constant(e.value);
    if (e.kind !== 'call') return stop(malformed('a list or a text stands where a tensor is wanted', where));
    const name = `${where}.${++this.temporaries}`;
    this.call(e, [name], where);
    return name;
  }

  private call(e: Extract<Expr, { kind: 'call' }>, targets: readonly string[], where: string): void {
    if (e.op === 'external' || e.op === 'variable' || e.op === 'constant') return this.declare(e, at(targets, 0), where);
    const signature = SIGNATURES.get(e.op);
    if (signature === undefined) {
      this.layers.push({ name: where, op: e.op, inputs: [], outputs: targets, attributes: new Map() });
      for (const t of targets) this.made.add(t);
      return;
    }
    const inputs: (string | undefined)[] = [];
    const attributes = new Map<string, unknown>();
    const values = this.bind(e, signature, where);
    for (const p of signature) {
      const value = values.get(p.name);
      if (value === undefined && !p.optional) stop(malformed(`${e.op}: ${p.name} is missing`, where));
      if (p.kind === 'tensors') inputs.push(...this.tensors(value, where));
      else if (p.kind === 'tensor') inputs.push(value === undefined ? undefined : this.tensor(value, where));
      else if (value !== undefined) attributes.set(p.name, this.literal(value, where));
    }
    if (e.elem !== undefined) attributes.set('type', e.elem);
    this.layers.push({ name: where, op: e.op, inputs, outputs: targets, attributes });
    for (const t of targets) this.made.add(t);
  }

  private tensors(value: Expr | undefined, where: string): readonly string[] {
    return value?.kind === 'list'
      ? value.items.map((item) => this.tensor(item, where))
      : stop(malformed('a list of tensors in brackets is wanted', where));
  }

  /** Arguments by the names of parameters. */
  private bind(e: Extract<Expr, { kind: 'call' }>, signature: readonly Parameter[], where: string): ReadonlyMap<string, Expr> {
    const values = new Map<string, Expr>();
    e.args.forEach((arg, i) => {
      const p = arg.name === undefined ? signature[i] : signature.find((s) => s.name === arg.name);
      if (p === undefined) stop(detailUnsupported(e.op, where, `argument ${arg.name ?? String(i + 1)} is not supported`));
      else if (values.has(p.name)) stop(malformed(`${e.op}: ${p.name} is given twice`, where));
      else values.set(p.name, arg.value);
    });
    return values;
  }

  private shape(value: Expr | undefined, where: string): readonly number[] {
    const shape = value === undefined ? undefined : this.literal(value, where);
    return Array.isArray(shape) && shape.every((d) => typeof d === 'number' && Number.isInteger(d) && d >= 0)
      ? (shape as readonly number[])
      : stop(malformed('its shape is not a list of whole numbers', where));
  }

  private declare(e: Extract<Expr, { kind: 'call' }>, target: string, where: string): void {
    const words = { external: 'shape', variable: 'shape label', constant: 'shape value' } as const;
    const signature = words[e.op as keyof typeof words].split(' ').map((name) => ({ name, kind: 'value', optional: false }) as const);
    const values = this.bind(e, signature, where);
    const shape = this.shape(values.get('shape'), where);
    const elem = ELEM_OF[e.elem ?? 'scalar'] ?? stop(detailUnsupported(e.op, where, `type ${e.elem ?? ''} is not supported`));
    this.made.add(target);
    if (e.op === 'external') {
      this.inputs.push({ name: target, elem, shape });
      return;
    }
    const second = values.get(e.op === 'variable' ? 'label' : 'value');
    const value = second === undefined ? undefined : this.literal(second, where);
    if (e.op === 'variable')
      this.variables.set(target, { label: typeof value === 'string' ? value : stop(malformed('its label is no text', where)), shape });
    else this.constants.set(target, filledConstant(value, elem, shape, where));
  }

  private assign({ targets, value }: Assignment): void {
    const [first] = targets;
    if (first === undefined) return;
    if (value.kind === 'call') this.call(value, targets, first);
    else this.call({ kind: 'call', op: 'copy', elem: undefined, args: [{ name: undefined, value }], line: 0 }, targets, first);
    for (const t of targets) this.quantize(t);
  }

  build(): LayerGraph {
    const { document } = this;
    if (!document.version.startsWith('1.')) this.problems.push(incomplete(`version ${document.version} is not 1.x`));
    for (const e of document.extensions)
      if (!EXTENSIONS.has(e)) this.problems.push(layerUnsupported(`extension ${e}`, 'this importer does not know it', document.name));
    for (const a of document.assignments) {
      try {
        this.assign(a);
      } catch (error) {
        this.unreadable(a.targets, caught(error));
      }
    }
    const given = new Set(this.inputs.map((i) => i.name));
    for (const p of document.params) if (!given.has(p)) this.problems.push(neverDefined(`input ${p}`, document.name));
    for (const i of given) if (!document.params.includes(i)) this.problems.push(malformed(`external ${i} is no parameter of the graph`, i));
    // files are read now, so that their size bounds what may be made of them
    for (const name of this.variables.keys()) this.readVariable(name);
    return {
      title: 'NNEF',
      name: document.name,
      producer: '',
      fileBytes: this.bytes,
      inputs: this.inputs,
      stored: (name) => this.constants.get(name) ?? this.read.get(name),
      isParameter: () => false,
      layers: [...this.missing(), ...this.layers],
      outputs: document.results.map((name) => ({ name, tensor: this.aliases.get(name) ?? name })),
      problems: this.problems,
      warnings: [],
    };
  }

  /** What reads these tensors can then be examined all the same. */
  private unreadable(targets: readonly string[], problems: readonly Diagnostic[]): void {
    const [name = ''] = targets;
    const fresh = targets.filter((t) => !this.layers.some((l) => l.outputs.includes(t)));
    if (fresh.length === 0) this.problems.push(...problems);
    else this.layers.push({ name, op: UNREADABLE, inputs: [], outputs: fresh, attributes: new Map([['problems', problems]]) });
    for (const t of targets) {
      this.made.add(t);
      this.unread.add(t);
    }
  }

  /** Variables without a file, as layers that make parameters up where that is asked for. */
  private missing(): readonly Layer[] {
    const roles = new Map<string, Role>();
    for (const l of this.layers)
      l.inputs.forEach((name, i) => {
        const role = ROLES[l.op]?.[i];
        if (name !== undefined && role !== undefined) roles.set(name, role);
      });
    return [...this.variables].flatMap(([name, { shape }]) =>
      this.read.has(name) || this.unread.has(name)
        ? []
        : [
            {
              name,
              op: 'variable',
              inputs: [],
              outputs: [name],
              attributes: new Map<string, unknown>([
                ['shape', shape],
                ['role', roles.get(name) ?? 'weight'],
              ]),
            },
          ],
    );
  }

  private readVariable(name: string): void {
    const variable = this.variables.get(name);
    if (variable === undefined) return;
    const file = `${variable.label}.dat`;
    if (!this.beside.has(file)) return;
    const bytes = this.beside.read(file);
    if (!bytes.ok) {
      this.unreadable([name], bytes.diagnostics);
      return;
    }
    this.bytes += bytes.value.length;
    try {
      const { host, quantized } = readTensorFile(name, bytes.value);
      if (host.shape.join() !== variable.shape.join())
        stop(parameterProblem(name, `it is declared [${variable.shape.join(', ')}], but ${file} holds [${host.shape.join(', ')}]`));
      this.read.set(name, quantized ? dequantized(host, this.storedQuantizationOf(name, variable.label)) : host);
    } catch (error) {
      this.unreadable([name], caught(error));
    }
  }

  private storedQuantizationOf(name: string, label: string): StoredQuantization {
    const found = this.quantization.get(name) ?? this.quantization.get(label);
    if (found?.kind !== 'call') return stop(parameterProblem(name, 'its items are quantized, but graph.quant does not say how'));
    const values = new Map(this.bind(found, (SIGNATURES.get(found.op) ?? []).slice(1), name));
    return storedQuantization(name, found.op, new Map([...values].map(([k, v]) => [k, this.literal(v, name)])));
  }

  /** A tensor that graph.quant names passes through its quantization before others read it. */
  private quantize(name: string): void {
    const e = this.quantization.get(name);
    if (e?.kind !== 'call' || this.variables.has(name)) return;
    const target = `${name} quantized`;
    const args = e.args.map((a, i) => ({ name: a.name ?? SIGNATURES.get(e.op)?.[i + 1]?.name, value: a.value }));
    this.call({ ...e, args: [{ name: 'x', value: { kind: 'name', name } }, ...args] }, [target], name);
    this.aliases.set(name, target);
  }
}

/** A constant of one value for all elements, or one each. */
const filledConstant = (value: Literal | undefined, elem: ElemName, shape: readonly number[], where: string): HostTensor => {
  const values = (Array.isArray(value) ? value : [value]).map(Number);
  const count = shape.reduce((a, b) => a * b, 1);
  if (values.some((v) => Number.isNaN(v)) || (values.length !== count && values.length !== 1))
    return stop(malformed(`it has ${values.length} values for [${shape.join(', ')}]`, where));
  if (count > 2 ** 22) return stop(malformed(`a constant of ${count} elements is not written out`, where));
  const data = elem === 'float32' ? new Float32Array(count) : elem === 'bool' ? new Uint8Array(count) : new Int32Array(count);
  for (let i = 0; i < count; i++) data[i] = at(values, values.length === 1 ? 0 : i);
  return { elem, shape, data };
};

/** The graph of a document, with the tensors beside it. */
export const buildGraph = (document: Document, beside: FilesBeside, bytes: number): LayerGraph =>
  new GraphBuilder(document, beside, bytes).build();
