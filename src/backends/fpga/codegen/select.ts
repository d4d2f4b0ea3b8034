import { at, invariant } from '../../../support/index.ts';
import type { Kind } from '../../cpu/simd/index.ts';
import type { OpcodeName } from '../isa/opcodes.ts';
import { BRANCHES } from './instructions.ts';
import { assignedIn, keyOf, levelOf } from './invariants.ts';
import { kindOf, type OpNode, type Tree } from './tree.ts';
import { NONE, type Virtual, type VirtualFunction, type VirtualInstruction, ZERO } from './virtual.ts';

/** A function as trees. */
export interface FunctionTrees {
  readonly name: string;
  readonly params: readonly Kind[];
  readonly result: Kind | undefined;
  readonly locals: readonly Kind[];
  readonly statements: readonly Tree[];
  readonly value: Tree | undefined;
}

/** A loop that is being written. */
interface Loop {
  /** Variables that it sets. */
  readonly assigned: ReadonlySet<number>;
  /** What is computed once before it. */
  readonly before: VirtualInstruction[];
  /** The registers of that, by expression. */
  readonly known: Map<string, Virtual>;
}

const COMMAND_WORDS = 16;

/** Chooses instructions, in the order in which the trees are evaluated. */
class Selector {
  private readonly isVector: boolean[] = [false];
  private readonly variables: readonly Virtual[];
  private readonly trees: FunctionTrees;
  private code: VirtualInstruction[] = [];
  private labels = 0;
  private depth = 0;
  /** Loops around what is being written, from the outermost in. */
  private loops: readonly Loop[] = [];
  /** The outermost loop around it, also while something is written before that one. */
  private nest: Loop | undefined;

  constructor(trees: FunctionTrees) {
    this.trees = trees;
    this.variables = [...trees.params, ...trees.locals].map((kind) => this.fresh(kind === 'v128'));
  }

  private fresh(isVector: boolean): Virtual {
    return this.isVector.push(isVector) - 1;
  }

  private emit(given: Partial<VirtualInstruction> & Pick<VirtualInstruction, 'op'>): void {
    this.code.push({ d: NONE, a: NONE, b: NONE, c: NONE, lane: 0, imm: 0, depth: this.depth, ...given });
  }

  private label(): number {
    return this.labels++;
  }

  private placeLabel(label: number): void {
    this.emit({ op: 'label', imm: label });
  }

  private branch(op: OpcodeName, label: number, a: Virtual = NONE, b: Virtual = NONE): void {
    this.emit({ op, a, b, symbol: { to: 'label', label } });
  }

  /** A constant; inside of loops it is made before the outermost, so that it costs nothing where there are registers enough. */
  private constantOf(key: string, make: (d: Virtual) => VirtualInstruction, isVector: boolean, target: Virtual | undefined): Virtual {
    const { nest } = this;
    if (nest === undefined) {
      const d = target ?? this.fresh(isVector);
      this.code.push(make(d));
      return d;
    }
    let known = nest.known.get(key);
    if (known === undefined) {
      known = this.fresh(isVector);
      nest.known.set(key, known);
      nest.before.push({ ...make(known), depth: 0 });
    }
    if (target === undefined) return known;
    this.emit({ op: 'move', d: target, a: known });
    return target;
  }

  /** Computes an expression before the outermost loop in which it stays the same; undefined when that is no loop. */
  private hoisted(tree: OpNode): Virtual | undefined {
    const level = levelOf(tree, this.loops);
    const loop = this.loops[level];
    if (loop === undefined) return undefined;
    const key = keyOf(tree);
    const old = loop.known.get(key);
    if (old !== undefined) return old;
    const { code, depth, loops } = this;
    this.code = loop.before;
    this.depth = level;
    this.loops = loops.slice(0, level);
    const d = this.fresh(kindOf(tree) === 'v128');
    this.operation(tree, d);
    this.code = code;
    this.depth = depth;
    this.loops = loops;
    loop.known.set(key, d);
    return d;
  }

  private scalarConstant(value: bigint, target: Virtual | undefined): Virtual {
    if (value === 0n && target === undefined) return ZERO;
    const make = (d: Virtual): VirtualInstruction => ({
      op: 'constant',
      d,
      a: NONE,
      b: NONE,
      c: NONE,
      lane: 0,
      imm: 0,
      value,
      depth: this.depth,
    });
    // setting a variable to a small constant is one instruction, as a move is
    if (target !== undefined && BigInt.asIntN(32, value) === value) {
      this.code.push(make(target));
      return target;
    }
    return this.constantOf(`s${value}`, make, false, target);
  }

  private vectorConstant(bytes: readonly number[], target: Virtual | undefined): Virtual {
    const isZero = bytes.every((byte) => byte === 0);
    const make = (d: Virtual): VirtualInstruction => ({
      op: isZero ? 'vsplat32' : 'vld',
      d,
      a: ZERO,
      b: NONE,
      c: NONE,
      lane: 0,
      imm: 0,
      depth: this.depth,
      ...(isZero ? {} : { symbol: { to: 'pool', bytes: Uint8Array.from(bytes) } }),
    });
    if (target !== undefined) {
      this.code.push(make(target));
      return target;
    }
    return this.constantOf(`v${bytes.join()}`, make, true, target);
  }

  /** Computes an expression, into `target` where one is given. @returns the register of the value */
  private value(tree: Tree, target?: Virtual): Virtual {
    switch (tree.type) {
      case 'constant':
        return this.scalarConstant(tree.value, target);
      case 'vector':
        return this.vectorConstant(tree.bytes, target);
      case 'get': {
        const local = at(this.variables, tree.local);
        if (target === undefined || target === local) return local;
        this.emit({ op: 'move', d: target, a: local });
        return target;
      }
      case 'op': {
        // into a variable a move would be needed all the same
        const once = target === undefined ? this.hoisted(tree) : undefined;
        if (once !== undefined) return once;
        const d = target ?? this.fresh(kindOf(tree) === 'v128');
        this.operation(tree, d);
        return d;
      }
      case 'call': {
        const d = target ?? this.fresh(kindOf(tree) === 'v128');
        this.callee(tree.name, tree.args, d);
        return d;
      }
      default:
        invariant(false, `a ${tree.type} has no value`);
    }
  }

  private callee(name: string, args: readonly Tree[], d: Virtual): void {
    this.emit({ op: 'callee', name, args: args.map((arg) => this.value(arg)), d });
  }

  private operation({ op, a, b, c, imm = 0, lane = 0 }: OpNode, d: Virtual): void {
    const operand = (tree: Tree | undefined): Virtual => (tree === undefined ? NONE : this.value(tree));
    const [x, y, z] = [operand(a), operand(b), operand(c)];
    this.emit({ op, d, a: x, b: y, c: z, imm, lane });
  }

  /** Goes to the label when the condition is as `when` says. */
  private jumpIf(condition: Tree, when: boolean, label: number): void {
    if (condition.type === 'constant') {
      if ((condition.value !== 0n) === when) this.branch('jmp', label);
      return;
    }
    const branches = condition.type === 'op' ? BRANCHES[condition.op] : undefined;
    if (condition.type !== 'op' || branches === undefined || condition.a === undefined || condition.b === undefined) {
      this.branch(when ? 'jnz' : 'jz', label, this.value(condition));
      return;
    }
    const [a, b] = [this.value(condition.a), this.value(condition.b)];
    const { op, swap } = branches[when ? 'yes' : 'no'];
    this.branch(op, label, swap ? b : a, swap ? a : b);
  }

  private statements(list: readonly Tree[]): void {
    for (const tree of list) this.statement(tree);
  }

  private loop(condition: Tree, body: readonly Tree[]): void {
    const [top, check] = [this.label(), this.label()];
    const { code: before, loops, nest } = this;
    const loop: Loop = { assigned: assignedIn(body), before: [], known: new Map() };
    this.loops = [...loops, loop];
    this.nest ??= loop;
    this.code = [];
    this.branch('jmp', check);
    this.depth += 1;
    this.placeLabel(top);
    this.statements(body);
    this.placeLabel(check);
    this.jumpIf(condition, true, top);
    this.depth -= 1;
    for (const once of loop.before) before.push(once);
    for (const instruction of this.code) before.push(instruction);
    this.code = before;
    this.loops = loops;
    this.nest = nest;
  }

  private statement(tree: Tree): void {
    switch (tree.type) {
      case 'set':
        this.value(tree.value, at(this.variables, tree.local));
        return;
      case 'if': {
        const behind = this.label();
        this.jumpIf(tree.condition, false, behind);
        this.statements(tree.yes);
        if (tree.no === undefined || tree.no.length === 0) {
          this.placeLabel(behind);
          return;
        }
        const end = this.label();
        this.branch('jmp', end);
        this.placeLabel(behind);
        this.statements(tree.no);
        this.placeLabel(end);
        return;
      }
      case 'while':
        this.loop(tree.condition, tree.body);
        return;
      case 'commands': {
        const words = tree.words();
        invariant(words.length % COMMAND_WORDS === 0, 'commands have 64 bytes');
        this.emit({ op: 'dflush' });
        const [from, count] = [this.fresh(false), this.fresh(false)];
        this.emit({ op: 'li', d: from, symbol: { to: 'commands', words } });
        this.emit({ op: 'li', d: count, imm: words.length / COMMAND_WORDS });
        this.emit({ op: 'astart', a: from, b: count });
        this.emit({ op: 'await' });
        return;
      }
      case 'op':
        if (tree.kind === undefined) this.operation(tree, NONE);
        else this.value(tree);
        return;
      case 'call':
        this.callee(tree.name, tree.args, tree.kind === undefined ? NONE : this.fresh(tree.kind === 'v128'));
        return;
      // a value that nobody takes
      case 'constant':
      case 'vector':
      case 'get':
        return;
      default:
        tree satisfies never;
    }
  }

  run(): VirtualFunction {
    const { name, params, statements, value } = this.trees;
    const link = this.fresh(false);
    const given = this.variables.slice(0, params.length);
    this.emit({ op: 'entry', args: [...given, link] });
    this.statements(statements);
    let result = NONE;
    if (value !== undefined) {
      // r0 cannot be a result, and a variable may be that of the caller's choice only by a move
      result = this.fresh(kindOf(value) === 'v128');
      this.value(value, result);
    }
    this.emit({ op: 'jr', a: link, ...(result === NONE ? {} : { args: [result] }) });
    return { name, code: this.code, isVector: this.isVector, params: given, result, link, labels: this.labels };
  }
}

export const selectInstructions = (trees: FunctionTrees): VirtualFunction => new Selector(trees).run();
