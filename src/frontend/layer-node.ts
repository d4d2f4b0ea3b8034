import {
  type AttrsIn,
  type DType,
  DTYPE_INFO,
  elementCount,
  isStaticShape,
  type OpName,
  type TensorType,
  type ValueId,
} from '../ir/index.ts';
import { at, type Diagnostic } from '../support/index.ts';
import { checkShape, type ElemName, ELEMS, type HostTensor, makeHost } from './host-tensor.ts';
import { detailUnsupported, malformed, mustBeKnown, parameterProblem, paramsMissing, stop } from './import-problems.ts';
import {
  type ImportSession,
  type KnownValue,
  type Layout,
  type Made,
  type OpenParameter,
  type Role,
  toFile,
  toFirst,
} from './import-session.ts';

/** What a layer is, and what it reads. */
export interface LayerSite {
  /** Type of the layer in the words of the format. */
  readonly op: string;
  /** The user's name of the layer. */
  readonly origin: string;
  readonly inputs: readonly (KnownValue | OpenParameter | undefined)[];
  readonly outputCount: number;
  readonly attributes: ReadonlyMap<string, unknown>;
  /** Stored parameters by name; undefined where there is none. */
  readonly stored: (name: string) => HostTensor | undefined;
}

/** One layer of the user's model, as its row sees it. Every problem leaves through `stop`. */
export class LayerNode {
  readonly site: LayerSite;
  readonly session: ImportSession;
  private readonly seen = new Set<string>();
  private readonly approximations = new Set<string>();

  constructor(site: LayerSite, session: ImportSession) {
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
    return this.site.outputCount;
  }
  has(i: number): boolean {
    return this.site.inputs[i] !== undefined;
  }
  /** Input i, whose type is known. */
  input(i: number): KnownValue {
    const value = this.site.inputs[i] ?? this.malformed(`input ${i} is missing`);
    return value.known === 'open' ? stop(paramsMissing(`${this.site.origin} reads ${value.name}`, 'it has no data and no shape')) : value;
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
  typeOf(value: ValueId): TensorType {
    return this.session.builder.typeOf(value);
  }
  /** Shape of a value of the program; programs of these importers have no symbols. */
  sizes(value: ValueId): readonly number[] {
    const { shape } = this.typeOf(value);
    return isStaticShape(shape) ? shape : this.malformed('a dimension is open');
  }

  /** Input i in the layout of the file. */
  x(i: number): ValueId {
    return this.session.wire(this.input(i));
  }
  /** Input i, which has to be of a float type. */
  real(i: number): ValueId {
    if (ELEMS[this.elem(i)].kind !== 'float') this.refuse(`input ${i} is ${this.elem(i)}, but only float types are supported`);
    return this.x(i);
  }
  /** Input i, of rank 3 to 5, with its channels first. */
  first(i: number): ValueId {
    const rank = this.rank(i);
    if (rank < 3 || rank > 5) return this.malformed(`input ${i} has rank ${rank}`);
    return this.session.wire(this.input(i), 'first');
  }
  /** Input i with dimension k of the result being dimension perm[k]; constants are laid down anew. */
  permuted(i: number, perm: readonly number[]): ValueId {
    const { host, name, shape } = this.input(i);
    if (shape.length !== perm.length) return this.malformed(`input ${i} has rank ${shape.length}, but ${perm.length} is wanted`);
    return host === undefined ? this.emit('transpose', [this.x(i)], { perm }) : this.session.constant(name, host, host.shape, perm);
  }

  /**
   * Input i as a parameter of this shape: its stored elements, or made up by --random-params.
   * @param perm - dimension k of the result is dimension perm[k] of the stored tensor, which has shape `shape`
   */
  param(i: number, shape: readonly number[], role: Role, perm?: readonly number[]): ValueId {
    const value = this.site.inputs[i] ?? this.malformed(`input ${i} is missing`);
    if (value.known !== 'open') {
      if (value.shape.length !== shape.length || value.shape.some((d, k) => d !== shape[k]))
        return this.malformed(`${value.name} is [${value.shape.join(', ')}], but the layer needs [${shape.join(', ')}]`);
      return perm === undefined ? this.x(i) : this.permuted(i, perm);
    }
    return this.stored(value.name, shape, role, perm);
  }

  /** The same for a parameter that the file stores under a name, not as an input. */
  stored(name: string, shape: readonly number[], role: Role, perm?: readonly number[], fanIn?: number): ValueId {
    return this.session.constant(name, this.storedHost(name, shape, role, fanIn), shape, perm);
  }
  /** Elements of a stored parameter, for layers that compute with them at import. */
  storedHost(name: string, shape: readonly number[], role: Role, fanIn?: number): HostTensor {
    checkShape(name, shape);
    const host = this.site.stored(name);
    if (host === undefined) {
      if (!this.session.fills) return stop(paramsMissing(`${this.site.origin}: parameter ${name} has no data`, 'it is in no file'));
      return this.session.generate(name, shape, role, fanIn);
    }
    if (host.data.length !== elementCount(shape))
      return stop(
        parameterProblem(name, `it is [${host.shape.join(', ')}], but ${this.op} ${this.site.origin} needs [${shape.join(', ')}]`, [
          'The weights may be of another model.',
        ]),
      );
    this.session.narrowed(host.elem, name);
    return host;
  }
  isStored(name: string): boolean {
    return this.site.stored(name) !== undefined;
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
    if (!moved || rank < 3) return { layout: 'file', operands: values.map((v) => this.session.wire(v)) };
    return { layout: 'first', operands: values.map((v) => this.inFirst(v, rank)) };
  }
  /** A value that broadcasts to rank `rank`, with its channels first. */
  private inFirst(value: KnownValue, rank: number): ValueId {
    if (value.shape.length === rank) return this.session.wire(value, 'first');
    const shape = [...new Array<number>(rank - value.shape.length).fill(1), ...value.shape];
    const perm = toFirst(rank);
    if (value.host !== undefined && value.host.data.length === 1) return this.session.constant(value.name, value.host, []);
    if (value.host !== undefined) return this.session.constant(value.name, value.host, shape, perm);
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
  /** The input in the layout it has, and where dimension k of the file stands in it. */
  either(i: number): { readonly value: ValueId; readonly layout: Layout; readonly place: (axis: number) => number } {
    const { layout, operands } = this.aligned([i]);
    const rank = this.rank(i);
    const order = layout === 'first' ? toFirst(rank) : [...this.shapeOf(i).keys()];
    return { value: at(operands, 0), layout, place: (axis) => order.indexOf(axis) };
  }
  /** A value with its channels first in the layout of the file. */
  fileOf(value: ValueId): ValueId {
    return this.emit('transpose', [value], { perm: toFile(this.sizes(value).length) });
  }

  /** Stops: the layer is supported, this detail is not. */
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
    this.approximations.add(reason);
  }
  approximated(): readonly string[] {
    return [...this.approximations];
  }

  /** An attribute; it counts as read. */
  attribute(name: string): unknown {
    this.seen.add(name);
    return this.site.attributes.get(name);
  }
  hasAttribute(name: string): boolean {
    return this.site.attributes.has(name);
  }
  /** Attributes that are allowed and change nothing at inference. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.seen.add(name);
  }
  /** Attributes that nothing has asked for: ignoring one might change the result. */
  unread(): readonly Diagnostic[] {
    return [...this.site.attributes.keys()]
      .filter((name) => !this.seen.has(name))
      .map((name) => detailUnsupported(this.op, this.site.origin, `attribute ${name} is not supported`));
  }

  /** An input that is known at import. */
  host(i: number, what: string): HostTensor {
    const { host, name } = this.input(i);
    return host ?? this.unknown(`${what} (input ${i}, ${name})`);
  }
  hostNumbers(i: number, what: string): readonly number[] {
    const { data } = this.host(i, what);
    return data.length > 65_536 ? this.refuse(`${what} (input ${i}) has ${data.length} elements`) : Array.from(data);
  }
  hostInts(i: number, what: string): readonly number[] {
    if (ELEMS[this.elem(i)].kind === 'float') return this.malformed(`${what} (input ${i}) is ${this.elem(i)}, but integers are wanted`);
    return this.hostNumbers(i, what);
  }
  hostInt(i: number, what: string): number {
    const values = this.hostInts(i, what);
    return values.length === 1 ? at(values, 0) : this.malformed(`${what} (input ${i}) has ${values.length} elements, but 1 is wanted`);
  }
  /** A constant result, within the budget. */
  made(elem: ElemName, shape: readonly number[], element: (i: number) => number): { readonly host: HostTensor } {
    checkShape(this.site.origin, shape);
    const count = elementCount(shape);
    if (!this.session.take(count)) return this.refuse(`the result is a constant of ${count} elements`);
    const data = makeHost(elem, count);
    for (let i = 0; i < count; i++) data[i] = element(i);
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
