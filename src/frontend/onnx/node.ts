import {
  type AnyAttrs,
  type AttrsIn,
  type Dim,
  type DType,
  DTYPE_INFO,
  elementCount,
  isStaticShape,
  type OpName,
  type Shape,
  type TensorType,
  type ValueId,
} from '../../ir/index.ts';
import { at, type Diagnostic } from '../../support/index.ts';
import { detailUnsupported, malformed, mustBeKnown, type OperatorName, stop } from './diagnostics.ts';
import { type ElemName, elemOf, type HostTensor } from './elem.ts';
import { type AttributeProto, int64 } from './schema.ts';
import type { Session } from './session.ts';
import { hostTensor, type ReadExternal } from './tensor.ts';
import type { KnownValue } from './values.ts';

/** AttributeProto.AttributeType */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;
const TYPE_NAMES = ['undefined', 'float', 'int', 'string', 'tensor', 'graph', 'floats', 'ints', 'strings', 'tensors', 'graphs'] as const;

export interface NodeSite extends OperatorName {
  /** The operator version that applies: the newest that is not above the imported opset. */
  readonly since: number;
  /** The user's name of the node. */
  readonly origin: string;
  readonly inputs: readonly (KnownValue | undefined)[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  readonly readExternal: ReadExternal | undefined;
}

/** One node of the user's model, as its importer sees it. Every problem leaves through `stop`. */
export class OnnxNode {
  readonly site: NodeSite;
  readonly session: Session;
  private readonly seen = new Set<string>();
  private readonly approximations: string[] = [];

  constructor(site: NodeSite, session: Session) {
    this.site = site;
    this.session = session;
  }

  get op(): string {
    return this.site.op;
  }
  get since(): number {
    return this.site.since;
  }
  get inputCount(): number {
    return this.site.inputs.length;
  }
  get outputCount(): number {
    return this.site.outputs.length;
  }

  /** The input is there (an empty name means that an optional input is left out). */
  has(i: number): boolean {
    return this.site.inputs[i] !== undefined;
  }

  input(i: number): KnownValue {
    const value = this.site.inputs[i] ?? this.malformed(`input ${i} is missing`);
    return value.sequence === undefined ? value : this.malformed(`input ${i} (${value.name}) is a sequence, but a tensor is needed`);
  }

  wire(i: number): ValueId {
    return this.session.wire(this.input(i));
  }
  wires(): readonly ValueId[] {
    return this.site.inputs.map((_, i) => this.wire(i));
  }

  typeOf(value: ValueId): TensorType {
    return this.session.builder.typeOf(value);
  }
  shapeOf(i: number): Shape {
    return this.input(i).shape;
  }
  rank(i: number): number {
    return this.shapeOf(i).length;
  }
  /** The shape of an input when it has no symbol. */
  staticShape(i: number): readonly number[] {
    const shape = this.shapeOf(i);
    if (isStaticShape(shape)) return shape;
    return this.unbound(shape, ` of input ${i}`);
  }
  elem(i: number): ElemName {
    return this.input(i).elem;
  }

  emit<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>): ValueId {
    return this.session.emit(op, operands, attrs, this.site.origin);
  }
  emitAll<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>): readonly ValueId[] {
    return this.session.emitAll(op, operands, attrs, this.site.origin);
  }
  /** The same for an op that is known by name alone; its attributes are checked all the same. */
  emitAny(op: OpName, operands: readonly ValueId[], attrs: AnyAttrs): readonly ValueId[] {
    return this.session.emitAll(op, operands, attrs as AttrsIn<typeof op>, this.site.origin);
  }
  scalar(value: number): ValueId {
    return this.session.scalar(value);
  }
  /** An int32 constant without dimensions. */
  int32(name: string, value: number): ValueId {
    return this.session.param(name, { dtype: 'i32', shape: [], data: Int32Array.of(value) });
  }
  /** A value in a dtype: itself where it has it, else a cast. */
  as(value: ValueId, dtype: DType): ValueId {
    return this.typeOf(value).dtype === dtype ? value : this.emit('cast', [value], { dtype });
  }

  /** Stops: the operator is supported, this detail is not. */
  refuse(detail: string, notes: readonly string[] = []): never {
    return stop(detailUnsupported(this.site, this.site.origin, detail, notes));
  }
  malformed(detail: string): never {
    return stop(malformed(`${this.op}: ${detail}`, this.site.origin));
  }
  unknown(what: string, notes: readonly string[] = []): never {
    return stop(mustBeKnown(this.site, this.site.origin, what, notes));
  }
  /** Stops: symbols among these dimensions must be numbers. Names all of them, so that one more run is enough. */
  unbound(dims: readonly Dim[], of = '', size = 1): never {
    const symbols = [...new Set(dims.filter((d) => typeof d === 'string'))];
    const [what, them] = symbols.length === 1 ? ['dimension', 'it'] : ['dimensions', 'them'];
    return this.unknown(`${what} ${symbols.join(', ')}${of}`, [`Bind ${them}: ${symbols.map((s) => `--bind ${s}=${size}`).join(' ')}.`]);
  }
  approximate(reason: string): void {
    this.approximations.push(reason);
  }
  approximated(): readonly string[] {
    return this.approximations;
  }

  /** Attributes that are allowed and change nothing at inference. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.seen.add(name);
  }
  /** Attributes that nothing has asked for: ignoring one might change the result. */
  unread(): readonly Diagnostic[] {
    return [...this.site.attributes.keys()]
      .filter((name) => !this.seen.has(name))
      .map((name) => detailUnsupported(this.site, this.site.origin, `attribute ${name} is not supported`));
  }

  hasAttr(name: string): boolean {
    return this.site.attributes.has(name);
  }

  /** The declared type of an attribute. */
  attrType(name: string): string | undefined {
    return TYPE_NAMES[this.site.attributes.get(name)?.type ?? 0];
  }

  private attribute(name: string, type: keyof typeof ATTRIBUTE_TYPES): AttributeProto | undefined {
    this.seen.add(name);
    const found = this.site.attributes.get(name);
    // models of IR version 1 leave the type out
    if (found !== undefined && found.type !== 0 && found.type !== ATTRIBUTE_TYPES[type])
      return this.malformed(`attribute ${name} is of type ${TYPE_NAMES[found.type] ?? found.type} but ${type} is wanted`);
    return found;
  }

  int(name: string, fallback?: number): number {
    const found = this.attribute(name, 'int');
    if (found !== undefined) return int64(found.i);
    return fallback ?? this.malformed(`attribute ${name} is missing`);
  }
  ints(name: string): readonly number[] | undefined {
    return this.attribute(name, 'ints')?.ints.map(int64);
  }
  float(name: string, fallback?: number): number {
    const found = this.attribute(name, 'float');
    const value = found?.f ?? fallback ?? this.malformed(`attribute ${name} is missing`);
    return Number.isNaN(value) ? this.refuse(`attribute ${name} is NaN`) : Math.fround(value);
  }
  floats(name: string): readonly number[] | undefined {
    return this.attribute(name, 'floats')?.floats;
  }
  text(name: string, fallback: string): string {
    const found = this.attribute(name, 'string');
    return found === undefined ? fallback : new TextDecoder().decode(Uint8Array.from(found.s));
  }
  texts(name: string): readonly string[] | undefined {
    return this.attribute(name, 'strings')?.strings.map((s) => new TextDecoder().decode(Uint8Array.from(s)));
  }
  tensor(name: string): HostTensor | undefined {
    const found = this.attribute(name, 'tensor');
    if (found === undefined) return undefined;
    if (found.t === undefined || found.t === null) return this.malformed(`attribute ${name} has no tensor`);
    const host = hostTensor(found.t, this.site.readExternal);
    return host.ok ? host.value : stop(...host.diagnostics);
  }

  /** An input that is known at import. */
  host(i: number, what: string): HostTensor {
    const { host, name } = this.input(i);
    return host ?? this.unknown(`${what} (input ${i}, ${name})`, [`If ${name} is an input of the model, fix it: --const ${name}=VALUES.`]);
  }
  /** Integers of an input that is known at import, without symbols. */
  hostInts(i: number, what: string): readonly number[] {
    return this.hostDims(i, what).map((d) =>
      typeof d === 'number' ? d : this.unknown(`dimension ${d} in ${what}`, [`Bind it: --bind ${d}=1.`]),
    );
  }
  /** Integers of an input that is known at import; symbols stand for themselves. */
  hostDims(i: number, what: string): readonly Dim[] {
    const host = this.host(i, what);
    if (elemOf(host.elem).kind !== 'int') return this.malformed(`${what} (input ${i}) is ${host.elem} but integers are wanted`);
    if (host.data.length > 65536) return this.refuse(`${what} (input ${i}) has ${host.data.length} elements`);
    return Array.from(host.data, (v, k) => host.symbols?.[k] ?? v);
  }
  /** One number of an input that is known at import. */
  hostScalar(i: number, what: string): number {
    const host = this.host(i, what);
    return host.data.length === 1
      ? at(host.data, 0)
      : this.malformed(`${what} (input ${i}) has ${host.data.length} elements but 1 is wanted`);
  }
  /** An attribute of older versions that became an input in `moved`. */
  intsAttrOrInput(name: string, i: number, moved: number): readonly number[] | undefined {
    if (this.since < moved) return this.ints(name);
    return this.has(i) ? this.hostInts(i, name) : undefined;
  }

  axis(value: number, rank: number, name = 'axis'): number {
    const axis = value < 0 ? value + rank : value;
    return Number.isInteger(axis) && axis >= 0 && axis < rank ? axis : this.malformed(`${name} is ${value} but the rank is ${rank}`);
  }
  axes(values: readonly number[], rank: number): readonly number[] {
    const axes = values.map((a) => this.axis(a, rank, 'axes'));
    return new Set(axes).size === axes.length ? axes : this.malformed(`axes ${values.join(', ')} name a dimension twice`);
  }

  reshape(x: ValueId, shape: Shape): ValueId {
    if (shape.includes(0) && isStaticShape(shape)) {
      // in the attribute, 0 would copy a dimension of x; a tensor without elements is a constant
      const { dtype } = this.typeOf(x);
      return this.session.param('empty', { dtype, shape, data: DTYPE_INFO[dtype].make(0) });
    }
    const symbols = shape.filter((d) => typeof d === 'string');
    if (symbols.length > 1) {
      const own = this.typeOf(x).shape;
      if (shape.every((d, i) => typeof d === 'number' || own[i] === d))
        return this.emit('reshape', [x], { shape: shape.map((d) => (typeof d === 'number' ? d : 0)) });
      return this.unknown(`dimensions ${symbols.join(', ')}`, [`Bind them: ${symbols.map((s) => `--bind ${s}=1`).join(' ')}.`]);
    }
    return this.emit('reshape', [x], { shape: shape.map((d) => (typeof d === 'number' ? d : -1)) });
  }

  /** Elements of a static shape; refused above the budget when they would be made at import. */
  count(shape: Shape): number {
    return isStaticShape(shape) ? elementCount(shape) : this.unknown('every dimension');
  }
}
