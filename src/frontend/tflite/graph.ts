import { elementCount, type TensorType } from '../../ir/index.ts';
import { at, type Diagnostic } from '../../support/index.ts';
import { caught, definedTwice, malformed, neverDefined, operatorUnsupported, stop, tensorProblem } from './diagnostics.ts';
import { elemByCode, type ElemName, elemOf, isFloat, makeHost, otherElemName } from './elem.ts';
import { importNode } from './import-node.ts';
import type { FileModel, FileOperator, FileTensor } from './model.ts';
import type { Declared, NodeSite } from './node.ts';
import { CUSTOM_OPS, TFLITE_OPS } from './ops/index.ts';
import { isRefusal, type TfliteOp } from './ops/row.ts';
import type { Session } from './session.ts';
import { checkShape, hostTensor } from './tensor.ts';
import type { KnownValue, NodeReport, Quantization, Value } from './values.ts';

/** The declared type of elements. @throws {MrlError} TFL1009, TFL2003 */
const elemNameOf = (t: FileTensor): ElemName => {
  const elem = elemByCode(t.type);
  if (elem !== undefined) return elem;
  const other = otherElemName(t.type);
  return stop(
    other === undefined
      ? tensorProblem('TFL1009', t.name, `its type is ${t.type}`)
      : tensorProblem('TFL2003', t.name, `its elements are ${other}`),
  );
};

/** The scales of a tensor; undefined when it has none. @throws {MrlError} TFL1008 */
const quantizationOf = (t: FileTensor, elem: ElemName): Quantization | undefined => {
  const bad = (detail: string): never => stop(tensorProblem('TFL1008', t.name, detail));
  if (t.otherQuantization) return stop(tensorProblem('TFL2003', t.name, 'it is quantized in blocks or in another custom way'));
  // converters leave ranges, and scales of 0, on tensors that are not quantized
  if (t.scales.length === 0 || t.scales.every((s) => s === 0) || isFloat(elem) || elemOf(elem).kind === 'bool') return undefined;
  const scale = t.scales.find((s) => !(s > 0 && s < 2 ** 126 && s > 2 ** -126));
  if (scale !== undefined) return bad(`a scale is ${scale}`);
  const count = t.scales.length;
  if (t.zeros.length !== 0 && t.zeros.length !== 1 && t.zeros.length !== count)
    return bad(`it has ${count} scales but ${t.zeros.length} zero points`);
  const zeros = t.scales.map((_, i) => t.zeros[t.zeros.length === 1 ? 0 : i] ?? 0);
  const { lo, hi } = elemOf(elem);
  const zero = zeros.find((z) => !(Number.isInteger(z) && z >= lo && z <= hi && Math.abs(z) < 2 ** 31));
  if (zero !== undefined) return bad(`a zero point is ${zero}, but its elements are ${elem}`);
  // biases carry the dimension of their weights
  const axis = t.shape.length === 1 ? 0 : t.axis;
  if (count > 1 && t.shape[axis] !== count) return bad(`it has ${count} scales for dimension ${axis} of [${t.shape.join(', ')}]`);
  return { scales: t.scales, zeros, axis };
};

const MAX_NAME = 200;
const nameOf = (t: FileTensor, index: number): string => (t.name === '' ? `tensor ${index}` : t.name.slice(0, MAX_NAME));

/** Imports the operators of a subgraph into one session. */
export class GraphImporter {
  readonly reports: NodeReport[] = [];
  readonly problems: Diagnostic[] = [];
  private readonly values = new Map<number, Value>();
  private readonly session: Session;
  private readonly file: FileModel;
  /** Tensors that an operator makes. */
  private readonly computed: ReadonlySet<number>;

  constructor(session: Session, file: FileModel) {
    this.session = session;
    this.file = file;
    this.computed = new Set(file.graph.operators.flatMap((o) => o.outputs));
  }

  tensor(index: number): FileTensor {
    return at(this.file.graph.tensors, index);
  }
  nameOf(index: number): string {
    return nameOf(this.tensor(index), index);
  }

  /** What the file says of a tensor. @throws {MrlError} */
  declared(index: number): Declared {
    const t = this.tensor(index);
    const elem = elemNameOf(t);
    const shape = checkShape(t.name, t.shape);
    return {
      name: nameOf(t, index),
      elem,
      shape: shape.ok ? shape.value : stop(...shape.diagnostics),
      quantization: quantizationOf(t, elem),
    };
  }

  set(index: number, value: Value): void {
    this.values.set(index, value);
  }

  /** A tensor that is defined so far: a value, a constant, or a variable. */
  value(index: number): Value | undefined {
    const have = this.values.get(index);
    if (have !== undefined) return have;
    const t = this.tensor(index);
    const bytes = at(this.file.buffers, t.buffer);
    if (!t.variable && !t.external && bytes.length === 0 && (t.buffer === 0 || elementCount(t.shape) !== 0 || this.computed.has(index)))
      return undefined;
    const made = this.constant(index, t, bytes);
    this.values.set(index, made);
    return made;
  }

  private constant(index: number, t: FileTensor, bytes: Uint8Array): Value {
    try {
      const { name, elem, shape, quantization } = this.declared(index);
      if (t.sparse) return stop(tensorProblem('TFL2003', name, 'it is stored as a sparse tensor', ['Convert the model without sparsity.']));
      if (t.external) return stop(tensorProblem('TFL2003', name, 'its data is in another file'));
      const wires = { file: undefined, first: undefined };
      if (t.variable) {
        const count = elementCount(shape);
        if (!this.session.budget.take(count)) return stop(tensorProblem('TFL1007', name, `it is a variable of ${count} elements`));
        const host = { elem, shape, data: makeHost(elem, count).fill(quantization?.zeros[0] ?? 0) };
        this.session.warnings.add('TFL3005', 'variable tensors are 0 at the start of every run', name);
        return { known: true, name, elem, shape, quantization, host, variable: true, wires };
      }
      // at most two elements a byte; a shape that does not fit its buffer is told as that
      this.session.budget.need(Math.min(elementCount(shape), 2 * bytes.length), name);
      const host = hostTensor(name, elem, shape, bytes);
      return host.ok ? { known: true, name, elem, shape, quantization, host: host.value, wires } : stop(...host.diagnostics);
    } catch (error) {
      this.problems.push(...caught(error));
      return { known: false, name: nameOf(t, index), cause: `tensor ${nameOf(t, index)}` };
    }
  }

  /** An input of the program for a tensor, and the reals it stands for. */
  port(index: number): { readonly value: KnownValue; readonly type: TensorType } {
    const { name, elem, shape, quantization } = this.declared(index);
    const type = { dtype: elemOf(elem).dtype, shape };
    const wire = this.session.input(name, type);
    if (quantization !== undefined && quantization.scales.length !== 1)
      return stop(tensorProblem('TFL1008', name, 'it is an input or a result, but has more than one scale'));
    const file =
      quantization === undefined
        ? wire
        : this.session.emit('dequantize', [wire], { scale: quantization.scales[0] ?? 1, zero: quantization.zeros[0] ?? 0 }, name);
    return { value: { known: true, name, elem, shape, quantization, wires: { file, first: undefined } }, type };
  }

  /** All operators that an output depends on, in the order of the file. */
  run(): void {
    const { operators, outputs } = this.file.graph;
    const needed = new Set(outputs);
    const live: FileOperator[] = [];
    for (const o of operators.toReversed()) {
      if (!o.outputs.some((i) => needed.has(i))) continue;
      live.push(o);
      for (const i of o.inputs) needed.add(i);
    }
    const left = operators.length - live.length;
    if (left > 0) this.session.warnings.add('TFL3003', `${left} operators that no output depends on were left out`);
    for (const o of live.reverse()) this.one(o);
  }

  private originOf(o: FileOperator): string {
    const [first] = o.outputs;
    const label = `${this.opName(o)}#${o.index}`;
    return first === undefined || this.tensor(first).name === '' ? label : this.nameOf(first);
  }

  private opName(o: FileOperator): string {
    return o.op === 'CUSTOM' ? `CUSTOM(${o.custom.slice(0, MAX_NAME)})` : (o.op ?? `operator code ${o.code}`);
  }

  private one(o: FileOperator): void {
    const origin = this.originOf(o);
    const report = { name: origin, op: this.opName(o), domain: '' as const, version: o.version };
    try {
      const inputs = this.inputsOf(o, origin);
      const unknown = inputs.find((v) => v !== undefined && !v.known);
      const row = this.rowOf(o, origin);
      if (unknown !== undefined && !unknown.known) {
        this.setUnknown(o, unknown.cause);
        const reason = `only the operator was checked: ${unknown.name} depends on ${unknown.cause}`;
        this.reports.push({ ...report, verdict: 'ok', reason, becomes: [], diagnostics: [] });
        return;
      }
      const outputs = o.outputs.map((i) => this.output(i));
      const { optionsType, options, customOptions } = o;
      const known = inputs as readonly (KnownValue | undefined)[];
      const site: NodeSite = {
        op: report.op,
        version: o.version,
        origin,
        inputs: known,
        outputs,
        optionsType,
        options,
        customOptions,
        reader: this.file.reader,
      };
      this.session.takeEmitted();
      const { results, approximations } = importNode(row, site, this.session);
      const becomes = this.session.takeEmitted();
      o.outputs.forEach((index, i) => {
        if (this.values.has(index) || this.tensor(index).variable) this.problems.push(definedTwice(this.nameOf(index), origin));
        this.values.set(index, at(results, i));
      });
      const approximated = approximations.length > 0;
      this.reports.push({
        ...report,
        verdict: approximated ? 'approximated' : 'ok',
        ...(approximated ? { reason: approximations.join('; ') } : {}),
        becomes,
        diagnostics: [],
      });
    } catch (error) {
      const diagnostics = caught(error).map((d) => (d.where === undefined ? { ...d, where: origin } : d));
      this.problems.push(...diagnostics);
      this.setUnknown(o, origin);
      this.reports.push({
        ...report,
        verdict: 'unsupported',
        reason: diagnostics.map((d) => d.message).join('; '),
        becomes: [],
        diagnostics,
      });
    }
  }

  /** A result as declared; one with a scale for each index of a dimension is refused. */
  private output(index: number): Declared {
    const declared = this.declared(index);
    return (declared.quantization?.scales.length ?? 1) === 1
      ? declared
      : stop(tensorProblem('TFL1008', declared.name, 'it is the result of an operator, but has more than one scale'));
  }

  /** Stand-ins of the declared types, so that the operators behind are looked at too. */
  private setUnknown(o: FileOperator, cause: string): void {
    for (const index of o.outputs) {
      if (this.values.has(index)) continue;
      let value: Value = { known: false, name: this.nameOf(index), cause };
      try {
        const open = (this.tensor(index).signature ?? []).includes(-1);
        if (!open) ({ value } = this.port(index));
      } catch (error) {
        caught(error);
      }
      this.values.set(index, value);
    }
  }

  private inputsOf(o: FileOperator, origin: string): readonly (Value | undefined)[] {
    const values = o.inputs.map((i) => (i < 0 ? undefined : this.value(i)));
    const missing = o.inputs.filter((i, k) => i >= 0 && values[k] === undefined);
    return missing.length === 0 ? values : stop(...missing.map((i) => neverDefined(this.nameOf(i), origin)));
  }

  private rowOf(o: FileOperator, origin: string): TfliteOp {
    const { op } = o;
    if (op === undefined) return stop(operatorUnsupported(this.opName(o), 'the schema that this importer reads does not list it', origin));
    if (o.outputs.length === 0) return stop(malformed(`${op}: it has no output`, origin));
    const row = op === 'CUSTOM' ? (CUSTOM_OPS.get(o.custom) ?? TFLITE_OPS.CUSTOM) : TFLITE_OPS[op];
    return isRefusal(row) ? stop(operatorUnsupported(this.opName(o), row.refused, origin)) : row;
  }
}
