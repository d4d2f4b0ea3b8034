import { at, invariant } from '../../../support/index.ts';
import type { OpcodeName } from '../isa/opcodes.ts';
import { opcodeNamed } from '../isa/opcodes.ts';
import { type Allocation, allocate, type RegisterLimits, SCRATCH } from './allocate.ts';
import { tidy } from './flow.ts';
import { type FunctionTrees, selectInstructions } from './select.ts';
import { loadSpilled } from './spill.ts';
import {
  addRegister,
  addRegisters,
  type CallingForm,
  type FunctionCode,
  type LinkedInstruction,
  type RegisterSet,
  spilledOf,
  type Symbol,
  type Virtual,
  type VirtualFunction,
  type VirtualInstruction,
} from './virtual.ts';

export type { RegisterLimits } from './allocate.ts';

/** A move between registers. */
interface Move {
  readonly from: number;
  readonly to: number;
}

/** Moves that happen at once, as a sequence. */
const inSequence = (moves: readonly Move[]): readonly Move[] => {
  let waiting = moves.filter(({ from, to }) => from !== to);
  const done: Move[] = [];
  while (waiting.length > 0) {
    const next = waiting.find(({ to }) => !waiting.some((other) => other.from === to));
    if (next !== undefined) {
      done.push(next);
      waiting = waiting.filter((m) => m !== next);
      continue;
    }
    // a cycle: one of its values goes to the register that is kept free
    const { from } = at(waiting, 0);
    done.push({ from, to: SCRATCH });
    waiting = waiting.map((m) => (m.from === from ? { from: SCRATCH, to: m.to } : m));
  }
  return done;
};

/** Writes the instructions of a function with their registers. */
class Writer {
  readonly code: LinkedInstruction[] = [];
  readonly scalars: RegisterSet = { low: 0, high: 0 };
  readonly vectors: RegisterSet = { low: 0, high: 0 };
  private labels: number[] = [];
  private readonly fn: VirtualFunction;
  private readonly allocation: Allocation;
  private readonly forms: ReadonlyMap<string, FunctionCode>;

  constructor(fn: VirtualFunction, allocation: Allocation, forms: ReadonlyMap<string, FunctionCode>) {
    this.fn = fn;
    this.allocation = allocation;
    this.forms = forms;
  }

  private register(v: Virtual): number {
    const register = v < 0 ? 0 : this.allocation.registers[v];
    invariant(register !== undefined, `${this.fn.name}: a register that is read has a place`);
    return register;
  }

  private emit(op: OpcodeName, fields: Partial<LinkedInstruction>): void {
    const labels = this.labels.length === 0 ? {} : { labels: this.labels };
    this.labels = [];
    this.code.push({ op, rd: 0, ra: 0, rb: 0, rc: 0, imm: 0, ...fields, ...labels });
    const form = opcodeNamed(op)?.form ?? '';
    if (form.startsWith('d')) addRegister(this.scalars, fields.rd ?? 0);
    if (form.startsWith('D')) addRegister(this.vectors, fields.rd ?? 0);
  }

  private move(isVector: boolean, { from, to }: Move): void {
    if (from === to) return;
    if (isVector) this.emit('vmov', { rd: to, ra: from });
    else this.emit('or', { rd: to, ra: from });
  }

  private constant(rd: number, value: bigint): void {
    const low = Number(BigInt.asIntN(32, value));
    this.emit('li', { rd, imm: low });
    if (BigInt(low) !== value) this.emit('lih', { rd, ra: rd, imm: Number(value >> 32n) });
  }

  private callee({ name = '', args = [], d, depth }: VirtualInstruction): void {
    const { form } = this.forms.get(name) ?? {};
    invariant(form !== undefined, `${name} is defined before it is called`);
    const moves: { readonly scalar: Move[]; readonly vector: Move[] } = { scalar: [], vector: [] };
    const loads: VirtualInstruction[] = [];
    const targets: number[] = [];
    args.forEach((arg, i) => {
      const to = form.params[i];
      if (to === undefined) return;
      if (arg < 0) {
        loads.push(loadSpilled(at(this.allocation.spilled, spilledOf(arg)), arg, depth));
        targets.push(to);
      } else moves[form.paramIsVector[i] === true ? 'vector' : 'scalar'].push({ from: this.register(arg), to });
    });
    for (const move of inSequence(moves.scalar)) this.move(false, move);
    for (const move of inSequence(moves.vector)) this.move(true, move);
    loads.forEach((load, i) => this.plain(load, at(targets, i)));
    this.emit('call', { rd: form.link, symbol: { to: 'function', name } });
    addRegisters(this.scalars, form.scalars);
    addRegisters(this.vectors, form.vectors);
    if (d > 0 && form.result !== undefined) this.move(this.fn.isVector[d] === true, { from: form.result, to: this.register(d) });
  }

  private plain(one: VirtualInstruction, rd: number): void {
    const { op } = one;
    if (op === 'constant') {
      this.constant(rd, one.value ?? 0n);
      return;
    }
    invariant(op !== 'move' && op !== 'label' && op !== 'callee' && op !== 'entry', `${op} is no opcode`);
    const usesLane = (opcodeNamed(op)?.form ?? '').includes('l');
    const symbol: { symbol?: Symbol } = one.symbol === undefined ? {} : { symbol: one.symbol };
    this.emit(op, {
      rd,
      ra: this.register(one.a),
      rb: this.register(one.b),
      rc: usesLane ? one.lane : this.register(one.c),
      imm: one.imm,
      ...symbol,
    });
  }

  write(): FunctionCode {
    for (const one of this.fn.code) {
      if (one.op === 'label') this.labels.push(one.imm);
      else if (one.op === 'move') this.move(this.fn.isVector[one.d] === true, { from: this.register(one.a), to: this.register(one.d) });
      else if (one.op === 'callee') this.callee(one);
      else if (one.op !== 'entry') this.plain(one, one.d < 0 ? 0 : this.register(one.d));
    }
    const { name, isVector } = this.fn;
    const [entry] = this.fn.code;
    const given = entry?.args ?? [];
    const params = given.slice(0, -1).map((v) => this.allocation.registers[v]);
    const paramIsVector = given.slice(0, -1).map((v) => isVector[v] === true);
    params.forEach((register, i) => {
      if (register !== undefined) addRegister(paramIsVector[i] === true ? this.vectors : this.scalars, register);
    });
    const link = this.register(at(given, given.length - 1));
    addRegister(this.scalars, link);
    const result = this.fn.result < 0 ? undefined : this.register(this.fn.result);
    const form: CallingForm = { params, paramIsVector, result, link, scalars: this.scalars, vectors: this.vectors };
    const { spilled, frameBytes } = this.allocation;
    return { name, form, code: this.code, frameBytes, spilled: spilled.length };
  }
}

/** Compiles a function; those that it calls are compiled. */
export const compileFunction = (trees: FunctionTrees, forms: ReadonlyMap<string, FunctionCode>, limits: RegisterLimits): FunctionCode => {
  const fn = selectInstructions(trees);
  tidy(fn);
  const allocation = allocate(fn, forms, limits);
  return new Writer(fn, allocation, forms).write();
};
