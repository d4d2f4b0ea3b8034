import { formatType, MAX_ELEMENTS, MAX_RANK, NameTable, type ProgramBuilder, type TensorType, type ValueId } from '../../ir/index.ts';
import type { Code } from '../../support/index.ts';
import type { Outcome } from './arithmetic.ts';
import type { Place } from './ast.ts';
import { LIMITS } from './limits.ts';
import type { Report } from './source.ts';
import { POISON, type Value } from './values.ts';

/** Ends an elaboration whose limit is reached; the limit is reported already. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached';
}

/** One activation of a function, or the model. */
export interface Frame {
  /** Names by block, innermost last. */
  readonly scopes: Map<string, Value>[];
  /** Before the names of parameters and nodes: `layer1.0.`. */
  readonly path: string;
  /** Indices of the loops around the current statement, outermost first. */
  readonly loop: number[];
  /** The call that made this frame; undefined for the model. */
  readonly caller: { readonly frame: Frame; readonly callee: string; readonly place: Place } | undefined;
}

/** State of one elaboration: the program so far, the current frame, and what the text has cost. */
export class Machine {
  readonly report: Report;
  readonly builder: ProgramBuilder;
  /** Labels that calls without one get. */
  protected readonly labels = new NameTable();
  protected frame: Frame = { scopes: [new Map()], path: '', loop: [], caller: undefined };
  private steps = 0;
  private nodes = 0;
  private values = 0;
  private depth = 0;
  private generated = 0;

  constructor(report: Report, builder: ProgramBuilder) {
    this.report = report;
    this.builder = builder;
  }

  /** Reports a problem at a place of the current frame. */
  protected problem(code: Code, message: string, place: Place, notes: readonly string[] = []): Value {
    this.report.add(code, message, place, [...notes, ...this.trace()]);
    return POISON;
  }

  /** The innermost calls that led here. */
  private trace(): string[] {
    const notes: string[] = [];
    for (let { caller } = this.frame; caller !== undefined && notes.length < 4; caller = caller.frame.caller) {
      notes.push(`In ${caller.callee}, called at ${this.report.source.position(caller.place)}.`);
    }
    return notes;
  }

  private limit(code: Code, message: string, place: Place, note: string): never {
    this.problem(code, message, place, [note]);
    throw new LimitReached(message);
  }

  /** Counts work done at a place. */
  protected step(place: Place, count = 1): void {
    this.steps += count;
    if (this.steps > LIMITS.steps) {
      this.limit(
        'MRL3003',
        `elaboration takes more than ${LIMITS.steps} steps`,
        place,
        'Loops and calls multiply: make fewer or shorter ones.',
      );
    }
  }

  protected enter(place: Place): void {
    if (++this.depth > LIMITS.depth) {
      this.limit(
        'MRL3004',
        `calls, blocks and expressions are nested deeper than ${LIMITS.depth} levels`,
        place,
        'Call fewer functions within functions.',
      );
    }
  }

  protected leave(): void {
    this.depth--;
  }

  protected countValues(count: number, place: Place): void {
    this.values += count;
    if (this.values > LIMITS.values) {
      this.limit('MRL3002', `the program has more than ${LIMITS.values} values`, place, 'Split the model.');
    }
  }

  protected countNode(place: Place): void {
    if (++this.nodes > LIMITS.nodes) {
      this.limit('MRL3002', `the program has more than ${LIMITS.nodes} nodes`, place, 'Split the model.');
    }
  }

  /** True when a generated parameter of so many bytes still fits. */
  protected reserve(bytes: number): boolean {
    if (this.generated + bytes > LIMITS.generatedBytes) return false;
    this.generated += bytes;
    return true;
  }

  protected settle(outcome: Outcome, place: Place): Value {
    return 'value' in outcome ? outcome.value : this.problem(outcome.code, outcome.message, place, outcome.notes);
  }

  protected lookup(name: string): Value | undefined {
    const { scopes } = this.frame;
    for (let i = scopes.length - 1; i >= 0; i--) {
      const value = scopes[i]?.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  protected define(name: string, value: Value): void {
    if (name !== '') this.frame.scopes.at(-1)?.set(name, value);
  }

  /** `layer1.0.w`, with the indices of loops around it behind the name. */
  protected fullName(name: string): string {
    const { path, loop } = this.frame;
    return loop.length === 0 ? `${path}${name}` : `${path}${name}.${loop.join('.')}`;
  }

  protected typeOf(id: ValueId): TensorType {
    return this.builder.typeOf(id);
  }

  /** True when the IR holds tensors of this type; reports when not. */
  protected fitsMemory(type: TensorType, place: Place): boolean {
    const elements = type.shape.reduce<number>((n, d) => (typeof d === 'number' ? n * d : n), 1);
    if (type.shape.length <= MAX_RANK && elements <= MAX_ELEMENTS) return true;
    const shown = type.shape.length > MAX_RANK ? `a tensor of ${type.shape.length} dimensions` : formatType(type);
    this.problem('IR0007', `${shown} is above the limit of ${MAX_RANK} dimensions and ${MAX_ELEMENTS} elements`, place);
    return false;
  }
}
