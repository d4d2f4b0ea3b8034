import {
  type AttrsIn,
  type DType,
  DTYPE_INFO,
  elementCount,
  isStaticShape,
  type OpName,
  type TensorType,
  type ValueId,
} from '../../ir/index.ts';
import { at, type Diagnostic } from '../../support/index.ts';
import { toFile, toFirst } from '../import-session.ts';
import { detailUnsupported, malformed, mustBeKnown, stop } from './diagnostics.ts';
import { type ElemName, elemOf, type HostTensor, isFloat, makeHost } from './elem.ts';
import { flexMap } from './flex.ts';
import type { FlatReader, TableOf, TablePosition } from './reader.ts';
import { BUILTIN_OPTIONS, OPTION_TABLES, type OptionName } from './schema/tables.ts';
import type { Session } from './session.ts';
import { type KnownValue, type Layout, type Made, type Quantization } from './values.ts';

/** An output as the file declares it. */
export interface Declared {
  readonly name: string;
  readonly elem: ElemName;
  readonly shape: readonly number[];
  readonly quantization: Quantization | undefined;
}

export interface NodeSite {
  /** Operator name, or that of a custom operator. */
  readonly op: string;
  readonly version: number;
  /** The user's name: that of the first output. */
  readonly origin: string;
  readonly inputs: readonly (KnownValue | undefined)[];
  readonly outputs: readonly Declared[];
  readonly optionsType: number;
  readonly options: TablePosition | undefined;
  readonly customOptions: Uint8Array;
  readonly reader: FlatReader;
}

type Options<K extends OptionName> = TableOf<(typeof OPTION_TABLES)[K]>;

/** One operator of the user's model, as its importer sees it. Every problem leaves through `stop`. */
export class TfliteNode {
  readonly site: NodeSite;
  readonly session: Session;
  private readonly unreadOptions = new Map<string, unknown>();
  private readonly approximations: string[] = [];
  private tableRead = false;

  constructor(site: NodeSite, session: Session) {
    this.site = site;
    this.session = session;
  }

  get op(): string {
    return this.site.op;
  }
  get inputCount(): number {
    return this.site.inputs.length;
  }
  get outputCount(): number {
    return this.site.outputs.length;
  }
  has(i: number): boolean {
    return this.site.inputs[i] !== undefined;
  }
  input(i: number): KnownValue {
    return this.site.inputs[i] ?? this.malformed(`input ${i} is missing`);
  }
  output(i: number): Declared {
    return this.site.outputs[i] ?? this.malformed(`output ${i} is missing`);
  }
  shapeOf(i: number): readonly number[] {
    return this.input(i).shape;
  }
  rank(i: number): number {
    return this.shapeOf(i).length;
  }
  elem(i: number): ElemName {
    return this.input(i).elem;
  }
  /** The elements of input i are reals in the program: it is float, or quantized. */
  isReal(i: number): boolean {
    return isFloat(this.elem(i)) || this.input(i).quantization !== undefined;
  }
  typeOf(value: ValueId): TensorType {
    return this.session.builder.typeOf(value);
  }
  /** Shape of a value; programs of this importer have no symbols. */
  sizes(value: ValueId): readonly number[] {
    const { shape } = this.typeOf(value);
    return isStaticShape(shape) ? shape : this.malformed('a dimension is open');
  }

  /** Input i in the layout of the file: reals where it is quantized. */
  x(i: number): ValueId {
    return this.session.wire(this.input(i));
  }
  /** Integers without a scale are refused. */
  checkReal(i: number): void {
    if (!this.isReal(i)) this.refuse(`input ${i} is ${this.elem(i)} without a scale, but only real numbers are supported`);
  }
  /** Reals of input i. */
  real(i: number): ValueId {
    this.checkReal(i);
    return this.x(i);
  }
  /** Input i, of rank 4 or 5, with its channels first. */
  first(i: number): ValueId {
    const rank = this.rank(i);
    if (rank !== 4 && rank !== 5) return this.malformed(`input ${i} has rank ${rank}`);
    this.checkReal(i);
    return this.session.wire(this.input(i), 'first');
  }
  /** Input i with dimension k of the result being dimension perm[k]: weights. */
  permuted(i: number, perm: readonly number[]): ValueId {
    if (this.rank(i) !== perm.length) return this.malformed(`input ${i} has rank ${this.rank(i)}, but ${perm.length} is wanted`);
    this.checkReal(i);
    const value = this.input(i);
    return value.host === undefined ? this.emit('transpose', [this.x(i)], { perm }) : this.session.constant(value, { perm });
  }

  emit<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>): ValueId {
    return this.session.emit(op, operands, attrs, this.site.origin);
  }
  emitAll<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>): readonly ValueId[] {
    return this.session.emitAll(op, operands, attrs, this.site.origin);
  }
  scalar(value: number): ValueId {
    return this.session.scalar(value);
  }
  ints(name: string, shape: readonly number[], values: readonly number[]): ValueId {
    return this.session.param(name, { dtype: 'i32', shape, data: Int32Array.from(values) });
  }
  as(value: ValueId, dtype: DType): ValueId {
    return this.typeOf(value).dtype === dtype ? value : this.emit('cast', [value], { dtype });
  }
  reshape(x: ValueId, shape: readonly number[]): ValueId {
    if (!shape.includes(0)) return this.emit('reshape', [x], { shape });
    // in the attribute, 0 would copy a dimension; a tensor without elements is a constant
    const { dtype } = this.typeOf(x);
    return elementCount(this.sizes(x)) === 0
      ? this.session.param('empty', { dtype, shape, data: DTYPE_INFO[dtype].make(0) })
      : this.malformed(`shape [${this.sizes(x).join(', ')}] cannot become [${shape.join(', ')}]`);
  }

  /** The layout in which an op on these inputs, element by element, needs no transpose, and the inputs in it. */
  private aligned(indices: readonly number[]): { readonly layout: Layout; readonly operands: readonly ValueId[] } {
    const values = indices.map((i) => this.input(i));
    const rank = Math.max(...values.map((v) => v.shape.length));
    const computed = values.filter((v) => v.shape.length === rank && v.host === undefined);
    const moved =
      computed.some((v) => v.wires.first !== undefined && v.wires.file === undefined) ||
      (computed.length > 0 && computed.every((v) => v.wires.first !== undefined));
    if (!moved || rank < 4) return { layout: 'file', operands: values.map((v) => this.session.wire(v)) };
    return { layout: 'first', operands: values.map((v) => this.inFirst(v, rank)) };
  }

  /** A value that broadcasts to rank `rank`, with its channels first. */
  private inFirst(value: KnownValue, rank: number): ValueId {
    if (value.shape.length === rank) return this.session.wire(value, 'first');
    if (elementCount(value.shape) === 1 && value.host !== undefined) return this.session.constant(value, { shape: [], perm: [] });
    const shape = [...new Array<number>(rank - value.shape.length).fill(1), ...value.shape];
    const perm = toFirst(rank);
    if (value.host !== undefined && (value.quantization?.scales.length ?? 1) === 1) return this.session.constant(value, { shape, perm });
    return this.emit('transpose', [this.reshape(this.session.wire(value), shape)], { perm });
  }

  /** f of the inputs, element by element with broadcast, in the layout that they have. */
  pointwise(indices: readonly number[], f: (operands: readonly ValueId[]) => ValueId): Made {
    const { layout, operands } = this.aligned(indices);
    return { value: f(operands), layout };
  }
  /** f of the elements of one input. */
  map(i: number, f: (x: ValueId) => ValueId): Made {
    return this.pointwise([i], (xs) => f(at(xs, 0)));
  }
  /** f of the elements of two inputs, with broadcast. */
  combine(i: number, j: number, f: (a: ValueId, b: ValueId) => ValueId): Made {
    return this.pointwise([i, j], (xs) => f(at(xs, 0), at(xs, 1)));
  }
  /** f of the inputs, all of one rank, in the layout that input `lead` has. */
  pointwiseIn(
    lead: number,
    indices: readonly number[],
    f: (operands: readonly ValueId[]) => ValueId,
  ): { readonly value: ValueId; readonly layout: Layout } {
    const { layout } = this.either(lead);
    return { value: f(indices.map((i) => this.session.wire(this.input(i), layout))), layout };
  }
  /** A value with its channels first in the layout of the file. */
  fileOf(value: ValueId): ValueId {
    return this.emit('transpose', [value], { perm: toFile(this.sizes(value).length) });
  }
  /** The input, in the layout it has, and where dimension k of the file stands in it. */
  either(i: number): {
    readonly value: ValueId;
    readonly layout: Layout;
    readonly place: (axis: number) => number;
    readonly order: readonly number[];
  } {
    const { layout, operands } = this.aligned([i]);
    const rank = this.rank(i);
    const order = layout === 'first' ? toFirst(rank) : [...this.shapeOf(i).keys()];
    return { value: at(operands, 0), layout, order, place: (axis) => order.indexOf(axis) };
  }

  /** Stops: the operator is supported, this detail is not. */
  refuse(detail: string, notes: readonly string[] = []): never {
    return stop(detailUnsupported(this.op, this.site.origin, detail, notes));
  }
  malformed(detail: string): never {
    return stop(malformed(`${this.op}: ${detail}`, this.site.origin));
  }
  unknown(what: string): never {
    return stop(mustBeKnown(this.op, this.site.origin, what));
  }
  approximate(reason: string): void {
    this.approximations.push(reason);
  }
  approximated(): readonly string[] {
    return [...new Set(this.approximations)];
  }

  /** The options of the operator; all have their defaults when the file leaves the table out. Fields count as read when used. */
  options<K extends OptionName>(name: K): Options<K> {
    const { optionsType, options, reader } = this.site;
    const stored = optionsType === 0 ? undefined : (BUILTIN_OPTIONS[optionsType - 1] ?? `number ${optionsType}`);
    if (stored !== undefined && stored !== name) return this.malformed(`its options are ${stored}, but ${name} are wanted`);
    this.tableRead = true;
    const spec: (typeof OPTION_TABLES)[K] = OPTION_TABLES[name];
    const table = reader.table(spec, stored === undefined ? undefined : options);
    const absent: Readonly<Record<string, unknown>> = reader.table(spec, undefined);
    const tracked = {};
    for (const [field, value] of Object.entries(table)) {
      if (value !== absent[field]) this.unreadOptions.set(field, value);
      Object.defineProperty(tracked, field, {
        get: () => {
          this.unreadOptions.delete(field);
          return value;
        },
      });
    }
    return tracked as Options<K>;
  }
  /** Numbers among the options of a custom operator; all names have to be among those that the importer knows. */
  customOptions(names: readonly string[]): ReadonlyMap<string, number> {
    const map = flexMap(this.site.customOptions) ?? this.malformed('its options are no FlexBuffers map');
    for (const [name, value] of map) if (!names.includes(name)) this.unreadOptions.set(name, value);
    return map;
  }
  /** Options that have another value than the default and that nothing asked for: ignoring one might change the result. */
  unread(): readonly Diagnostic[] {
    const { optionsType, options, reader } = this.site;
    const name = optionsType === 0 ? undefined : BUILTIN_OPTIONS[optionsType - 1];
    if (!this.tableRead && name !== undefined && Object.hasOwn(OPTION_TABLES, name) && options !== undefined) {
      // the importer asked for no options, so the operator has none: those of another would be a damaged file
      const table: Readonly<Record<string, unknown>> = reader.table(OPTION_TABLES[name as OptionName], options);
      const absent: Readonly<Record<string, unknown>> = reader.table(OPTION_TABLES[name as OptionName], undefined);
      for (const [field, value] of Object.entries(table)) if (value !== absent[field]) this.unreadOptions.set(field, value);
    }
    return [...this.unreadOptions].map(([field, value]) =>
      detailUnsupported(this.op, this.site.origin, `option ${field} is ${String(value)}, which is not supported`),
    );
  }

  /** An input that is known at import. */
  host(i: number, what: string): HostTensor {
    const { host, name } = this.input(i);
    return host ?? this.unknown(`${what} (input ${i}, ${name})`);
  }
  hostInts(i: number, what: string): readonly number[] {
    const host = this.host(i, what);
    if (elemOf(host.elem).kind !== 'int') return this.malformed(`${what} (input ${i}) is ${host.elem}, but integers are wanted`);
    if (host.data.length > 65_536) return this.refuse(`${what} (input ${i}) has ${host.data.length} elements`);
    return Array.from(host.data);
  }
  hostInt(i: number, what: string): number {
    const values = this.hostInts(i, what);
    return values.length === 1 ? at(values, 0) : this.malformed(`${what} (input ${i}) has ${values.length} elements, but 1 is wanted`);
  }
  /** Elements of a small known input as numbers: reals where it is quantized. */
  hostNumbers(i: number, what: string): readonly number[] {
    const host = this.host(i, what);
    const q = this.input(i).quantization;
    if (host.data.length > 65_536) return this.refuse(`${what} (input ${i}) has ${host.data.length} elements`);
    if (q !== undefined && q.scales.length > 1) return this.refuse(`${what} (input ${i}) has a scale for each index of a dimension`);
    return Array.from(host.data, (v) => (q === undefined ? v : Math.fround((v - (q.zeros[0] ?? 0)) * (q.scales[0] ?? 1))));
  }
  hostNumber(i: number, what: string): number {
    const values = this.hostNumbers(i, what);
    return values.length === 1 ? at(values, 0) : this.malformed(`${what} (input ${i}) has ${values.length} elements, but 1 is wanted`);
  }
  /** A constant result, within the budget. */
  made(elem: ElemName, shape: readonly number[], at: (i: number) => number): { readonly host: HostTensor } {
    if (shape.some((d) => d < 0)) return this.malformed(`the result would have shape [${shape.join(', ')}]`);
    const count = elementCount(shape);
    if (!this.session.budget.take(count)) return this.refuse(`the result is a constant of ${count} elements`);
    const data = makeHost(elem, count);
    for (let i = 0; i < count; i++) data[i] = at(i);
    return { host: { elem, shape, data } };
  }

  axis(value: number, rank: number, name = 'axis'): number {
    const axis = value < 0 ? value + rank : value;
    return Number.isInteger(axis) && axis >= 0 && axis < rank ? axis : this.malformed(`${name} is ${value}, but the rank is ${rank}`);
  }
  axes(values: readonly number[], rank: number): readonly number[] {
    return [...new Set(values.map((a) => this.axis(a, rank, 'axes')))];
  }
}

/** The shape of the file for a value in a layout. */
export const fileShape = (shape: readonly number[], layout: Layout): readonly number[] =>
  layout === 'file' ? shape : toFile(shape.length).map((p) => at(shape, p));
