import {
  type AnyNode,
  type Attrs,
  paramTensors,
  type PrimitiveName,
  type Program,
  refusalReason,
  sameShape,
  type StaticType,
  type Tensor,
  useCounts,
  type ValueId,
} from '../../ir/index.ts';
import { at, type Diagnostic, diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Affine } from './affine.ts';
import { fitsTable } from './region.ts';
import type { FloatView, RoleFacts } from './role.ts';

/** What a producer emits: its own result after the relu and clip nodes that it absorbed. */
export interface Target {
  /** The value of the float program that the integer result stands for. */
  readonly value: ValueId;
  /** Limits from absorbed relu and clip nodes. */
  readonly lo: number;
  readonly hi: number;
}

/** One addend of a (possibly merged) sum. */
export interface Term {
  readonly value: ValueId;
  readonly sign: 1 | -1;
}

/** Which values have 16 bits. */
export interface Width {
  /** Outputs that come straight from an accumulator, and what only they see. */
  readonly outputs: boolean;
  /** Inputs of the model. */
  readonly inputs?: boolean;
  /** Whether the result of a node has 16 bits; values that share a quantization have 16 bits when one of them does. */
  readonly result?: (node: AnyNode) => boolean;
}

/** Merging more addends would cost multiplier bits. */
const MAX_TERMS = 8;

export type Roles = Readonly<Record<PrimitiveName, RoleFacts>>;

/** Decides what becomes of each value, before any number is known. */
export class Plan implements FloatView {
  readonly program: Program;
  readonly roles: Roles;
  /** Quantization that the model brings along: what such a value feeds starts from its integers. */
  readonly given: ReadonlyMap<ValueId, Affine>;
  readonly nodes: readonly AnyNode[];
  readonly constants: ReadonlyMap<ValueId, Tensor>;
  readonly needed = new Set<ValueId>();
  /** Values of 16 bits, constants among them. */
  readonly wide = new Set<ValueId>();
  private readonly uses: Uint32Array;
  private readonly outputs: ReadonlySet<ValueId>;
  private readonly producer = new Map<ValueId, AnyNode>();
  private readonly roots = new Map<ValueId, ValueId>();
  /** Results of tables that are roots themselves. */
  private readonly ends = new Map<ValueId, ValueId>();
  /** By the producer's own result. */
  private readonly targets = new Map<ValueId, Target>();
  /** From the last absorbed relu or clip back to the producer's result. */
  private readonly absorbedFrom = new Map<ValueId, ValueId>();
  private readonly sums = new Map<ValueId, readonly Term[]>();
  private readonly redirect = new Map<ValueId, ValueId>();

  constructor(program: Program, roles: Roles, given: ReadonlyMap<ValueId, Affine> = new Map()) {
    this.program = program;
    this.given = given;
    this.roles = roles;
    this.nodes = program.nodes as readonly AnyNode[];
    this.constants = paramTensors(program);
    this.uses = useCounts(program);
    this.outputs = new Set(program.outputs.map((o) => o.value));
    for (const node of this.nodes) for (const r of node.results) this.producer.set(r, node);
  }

  typeOf(value: ValueId): StaticType {
    return at(this.program.types, value) as StaticType;
  }
  constantOf(value: ValueId): Tensor | undefined {
    return this.constants.get(value);
  }
  producerOf(value: ValueId): AnyNode | undefined {
    return this.producer.get(value);
  }
  roleOf(node: AnyNode): RoleFacts {
    return this.roles[node.op as PrimitiveName];
  }
  isFloat(value: ValueId): boolean {
    return this.typeOf(value).dtype === 'f32';
  }
  rootOf(value: ValueId): ValueId {
    return this.roots.get(value) ?? value;
  }
  /** The value of which a table gives this one; undefined when no table does. */
  tableSourceOf(value: ValueId): ValueId | undefined {
    return this.roots.get(value) ?? this.ends.get(value);
  }
  /** What the producer of `result` emits. */
  targetOf(result: ValueId): Target {
    return this.targets.get(result) ?? { value: result, lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY };
  }
  termsOf(node: AnyNode): readonly Term[] {
    const [a, b] = node.operands;
    const known = this.sums.get(at(node.results, 0));
    if (known !== undefined || a === undefined || b === undefined) return known ?? [];
    return [
      { value: a, sign: 1 },
      { value: b, sign: node.op === 'sub' ? -1 : 1 },
    ];
  }
  /** The value whose calibrated range this value shares. */
  leaderOf(value: ValueId): ValueId {
    let v = value;
    for (let next = this.redirect.get(v); next !== undefined; next = this.redirect.get(v)) v = next;
    return v;
  }
  /** A node between integers: copied as it is. */
  isInteger(node: AnyNode): boolean {
    return !node.operands.some((v) => this.isFloat(v)) && !node.results.some((v) => this.isFloat(v));
  }
  /** Whether a relu or clip became the limits of the producer before it. */
  isAbsorbed(node: AnyNode): boolean {
    return this.absorbedFrom.has(at(node.results, 0));
  }
  /** The user's name of a node. */
  nameOf(node: AnyNode): string {
    return node.origin ?? `${node.op} (value ${at(node.results, 0)})`;
  }

  private usedOnce(value: ValueId): boolean {
    return this.uses[value] === 1 && !this.outputs.has(value);
  }

  /** Absorbs relu or clip into the producer of its operand, when nothing else sees the operand. */
  private absorb(node: AnyNode): boolean {
    if (node.op !== 'relu' && node.op !== 'clip') return false;
    const x = at(node.operands, 0);
    const result = this.absorbedFrom.get(x) ?? x;
    const producer = this.producer.get(result);
    if (producer === undefined || !this.usedOnce(x) || this.tableSourceOf(result) !== undefined) return false;
    if (this.roleOf(producer).clamps !== true || this.given.has(x)) return false;
    const before = this.targetOf(result);
    const { min, max } = node.op === 'relu' ? { min: 0, max: Number.POSITIVE_INFINITY } : (node.attrs as Attrs<'clip'>);
    const through = (v: number): number => Math.min(Math.max(v, min), max);
    const value = at(node.results, 0);
    this.targets.set(result, { value, lo: through(before.lo), hi: through(before.hi) });
    this.absorbedFrom.set(value, result);
    return true;
  }

  /** The one run-time value that an elementwise node is a function of; undefined when there is no such value. */
  private tableRoot(node: AnyNode): ValueId | undefined {
    const result = at(node.results, 0);
    const dynamic = node.operands.filter((v) => !this.constants.has(v));
    const roots = new Set(dynamic.map((v) => this.rootOf(v)));
    const [root] = roots;
    if (root === undefined || roots.size !== 1 || !this.isFloat(root)) return undefined;
    const { shape } = this.typeOf(root);
    if (!sameShape(this.typeOf(result).shape, shape)) return undefined;
    const fits = node.operands.every((v) => {
      const k = this.constants.get(v);
      return k === undefined || fitsTable(k, shape);
    });
    return fits ? root : undefined;
  }

  /** Merges a sum that only feeds this sum. */
  private mergeSums(node: AnyNode): void {
    if (node.op !== 'add' && node.op !== 'sub') return;
    const terms = this.termsOf(node).flatMap((term) => {
      const inner = this.sums.get(term.value);
      if (inner === undefined || !this.usedOnce(term.value) || this.targets.has(term.value)) return [term];
      return inner.map((t): Term => ({ value: t.value, sign: t.sign === term.sign ? 1 : -1 }));
    });
    const result = at(node.results, 0);
    this.sums.set(result, terms.length <= MAX_TERMS ? terms : this.termsOf(node));
  }

  private visit(node: AnyNode): void {
    if (this.isInteger(node) || this.absorb(node)) return;
    if (this.roleOf(node).elementwise === true) {
      const root = this.tableRoot(node);
      if (root !== undefined) {
        const result = at(node.results, 0);
        (this.given.has(result) ? this.ends : this.roots).set(result, root);
        return;
      }
    }
    this.mergeSums(node);
  }

  /** The operands that a node's integer form reads. */
  private reads(node: AnyNode): readonly ValueId[] {
    return this.sums.get(at(node.results, 0))?.map((t) => t.value) ?? node.operands;
  }

  private markNeeded(): void {
    const work = this.program.outputs.map((o) => o.value);
    for (let v = work.pop(); v !== undefined; v = work.pop()) {
      if (this.needed.has(v)) continue;
      this.needed.add(v);
      const root = this.tableSourceOf(v);
      const producer = this.producer.get(this.absorbedFrom.get(v) ?? v);
      if (root !== undefined) work.push(root);
      else if (producer !== undefined) work.push(...this.reads(producer));
    }
  }

  private refusalOf(node: AnyNode): string | undefined {
    const result = at(node.results, 0);
    if (this.isInteger(node) || this.isAbsorbed(node)) return undefined;
    if (this.tableSourceOf(result) !== undefined) {
      return this.needed.has(result) && !this.isFloat(result)
        ? `its ${this.typeOf(result).dtype} result is used outside a function of one tensor`
        : undefined;
    }
    if (!node.results.some((r) => this.needed.has(this.targetOf(r).value))) return undefined;
    const role = this.roleOf(node);
    return refusalReason(role.lower) ?? role.refuses?.(node, this);
  }

  /** Values that nothing but 16-bit readers see, from the outputs back. */
  private markWide(): void {
    const wanted = new Map<ValueId, boolean>();
    const want = (v: ValueId, yes: boolean): void => {
      wanted.set(v, yes && wanted.get(v) !== false);
    };
    for (const o of this.program.outputs) want(o.value, true);
    for (const node of [...this.nodes].reverse()) {
      const result = at(node.results, 0);
      const absorbed = this.absorbedFrom.has(result);
      const { wide } = this.roleOf(node);
      node.operands.forEach((v, i) => {
        const follows = i === 0 && this.tableSourceOf(result) === undefined && node.results.length === 1;
        const keeps = wide === 'read' || wide === 'any' || (wide === 'follow' && wanted.get(result) === true);
        want(v, absorbed ? wanted.get(result) === true : follows && keeps);
      });
    }
    for (const node of this.nodes) {
      const result = at(node.results, 0);
      const { wide } = this.roleOf(node);
      if (this.absorbedFrom.has(result) || this.tableSourceOf(result) !== undefined || !this.isFloat(result)) continue;
      const { value } = this.targetOf(result);
      const able = wide === 'source' || wide === 'any' || (wide === 'follow' && this.wide.has(at(node.operands, 0)));
      if (able && wanted.get(value) === true && !this.given.has(value)) this.wide.add(value);
    }
  }

  /** Gives values that must share a quantization one leader. */
  private unify(): void {
    for (const node of this.nodes) {
      if (this.isInteger(node) || this.roleOf(node).passthrough !== true) continue;
      const [x] = node.operands;
      for (const r of node.results)
        if (x !== undefined && node.op !== 'concat' && this.isFloat(x) && this.isFloat(r) && !this.given.has(r)) this.redirect.set(r, x);
    }
    for (const node of this.nodes) {
      if (node.op !== 'concat' || this.isInteger(node)) continue;
      const result = at(node.results, 0);
      for (const v of node.operands) {
        const source = this.freeSource(v);
        if (source !== undefined && this.leaderOf(result) !== source) this.redirect.set(source, result);
      }
    }
  }

  /** Where the quantization of a concat operand is decided, when nothing but the concat depends on it. */
  private freeSource(value: ValueId): ValueId | undefined {
    let v = value;
    for (;;) {
      if (!this.usedOnce(v) || this.constants.has(v) || this.given.has(v)) return undefined;
      const producer = this.producer.get(this.absorbedFrom.get(v) ?? v);
      if (producer === undefined || this.roleOf(producer).fixed !== undefined) return undefined;
      const next = this.redirect.get(v);
      if (next === undefined) return v;
      if (producer.results.length > 1 || this.roleOf(producer).passthrough !== true) return undefined;
      v = next;
    }
  }

  /** Marks the values that `width` wants in 16 bits, with all that share their quantization, and the constants beside them. */
  private widen({ inputs = false, result: wanted = () => false }: Width): void {
    const leaders = new Set([...this.wide].map((v) => this.leaderOf(v)));
    const want = (v: ValueId): void => {
      if (this.isFloat(v) && !this.given.has(v)) leaders.add(this.leaderOf(v));
    };
    if (inputs) for (const port of this.program.inputs) want(port.value);
    for (const node of this.nodes)
      if (!this.isInteger(node) && !this.isAbsorbed(node) && wanted(node)) for (const r of node.results) want(this.targetOf(r).value);
    for (const leader of leaders) if (this.given.has(leader)) leaders.delete(leader);
    for (const v of [...this.program.inputs.map((p) => p.value), ...this.nodes.flatMap((n) => n.results)])
      if (leaders.has(this.leaderOf(v))) this.wide.add(v);
    for (const node of this.nodes)
      if (node.results.some((r) => this.wide.has(this.targetOf(r).value)))
        for (const v of node.operands) if (this.constants.has(v) && this.isFloat(v)) this.wide.add(v);
  }

  build(width: Width): Result<Plan> {
    for (const node of this.nodes) this.visit(node);
    this.markNeeded();
    if (width.outputs) this.markWide();
    this.unify();
    this.widen(width);
    const problems = this.nodes.flatMap((node): Diagnostic[] => {
      const reason = this.refusalOf(node);
      return reason === undefined ? [] : [diagnostic('QNT0001', `${node.op} cannot be quantized: ${reason}`, { where: this.nameOf(node) })];
    });
    return problems.length > 0 ? fail(...problems) : ok(this);
  }
}
