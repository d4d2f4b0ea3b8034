import { type AttrsIn, type OpName, ProgramBuilder, type Tensor, type TensorType, type ValueId } from '../ir/index.ts';
import { at, type Code, type Diagnostic } from '../support/index.ts';

/** Warnings of an import, each text once. */
export class WarningList {
  private readonly list = new Map<string, Diagnostic>();
  private readonly make: (code: Code, message: string, where?: string) => Diagnostic;

  /** @param make - a warning in the words of the format */
  constructor(make: (code: Code, message: string, where?: string) => Diagnostic) {
    this.make = make;
  }

  add(code: Code, message: string, where?: string): void {
    this.once(`${code} ${message}`, () => this.make(code, message, where));
  }
  protected once(key: string, make: () => Diagnostic): void {
    if (!this.list.has(key)) this.list.set(key, make());
  }
  all(): readonly Diagnostic[] {
    return [...this.list.values()];
  }
}

/** A program that an importer makes: names are unique, equal scalars are shared, the ops of each node are told apart. */
export class ProgramInTheMaking {
  readonly builder: ProgramBuilder;
  private readonly scalars = new Map<string, ValueId>();
  /** Names in use, with the number that was last put behind each. */
  private readonly names = new Map<string, number>();
  /** Ops emitted since the last `takeEmitted`. */
  private emitted: string[] = [];

  constructor(name: string) {
    this.builder = new ProgramBuilder(name);
  }

  /** An unused name: the wished one, or with `_2`, `_3`, … behind it. */
  uniqueName(wish: string): string {
    const base = wish === '' ? 'unnamed' : wish;
    let uses = this.names.get(base) ?? 0;
    let name = uses === 0 ? base : `${base}_${++uses}`;
    while (uses > 0 && this.names.has(name)) name = `${base}_${++uses}`;
    this.names.set(base, Math.max(uses, 1));
    if (name !== base) this.names.set(name, 1);
    return name;
  }

  input(name: string, type: TensorType): ValueId {
    return this.builder.input(this.uniqueName(name), type);
  }

  param(name: string, tensor: Tensor): ValueId {
    return this.builder.param(this.uniqueName(name), tensor);
  }

  /** A float32 constant without dimensions; equal ones are shared. */
  scalar(value: number): ValueId {
    const rounded = Math.fround(value);
    const key = Object.is(rounded, -0) ? '-0' : String(rounded);
    const have = this.scalars.get(key);
    if (have !== undefined) return have;
    const made = this.param('scalar', { dtype: 'f32', shape: [], data: Float32Array.of(rounded) });
    this.scalars.set(key, made);
    return made;
  }

  emitAll<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin: string): readonly ValueId[] {
    const results = this.builder.emitAll(op, operands, attrs, origin);
    this.emitted.push(op);
    return results;
  }

  emit<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin: string): ValueId {
    return at(this.emitAll(op, operands, attrs, origin), 0);
  }

  takeEmitted(): readonly string[] {
    const out = this.emitted;
    this.emitted = [];
    return out;
  }
}
