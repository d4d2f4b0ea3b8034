import { invariant } from '../../../support/index.ts';
import type { Access, FunctionBody, Kind, LaneBits, Machine, NamespaceName, Ref, VectorLoad } from '../simd/index.ts';
import { ACCESSES, C_TYPES, constantText, functionName, instructionName, resultKind } from './c-module-names.ts';
import { declareVariables } from './c-module-variables.ts';

/** An expression or statement as C. */
interface Piece {
  /** What the value is; undefined for statements. */
  readonly kind: Kind | undefined;
  /** Statements that come before: for a statement, all of it. */
  readonly lines: readonly string[];
  /** The value; '' for statements. */
  readonly text: string;
  /** Levels of parentheses in the text. */
  readonly depth: number;
  /** Whether the lines change memory. */
  readonly effects: boolean;
  /** Whether the text means the same wherever it stands: constants and variables. */
  readonly stable: boolean;
}

/**
 * Where an expression becomes a variable: C promises 63 levels of parentheses (C11, 5.2.4.1) and clang takes 256; lines stay
 * readable.
 */
const MOST_DEPTH = 16;
const MOST_LENGTH = 300;

const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

/** A function as C, under the name that calls have. */
export interface PrintedFunction {
  readonly name: string;
  readonly text: string;
}

/** A language that reads as C does. */
export interface Dialect {
  readonly headers?: readonly string[];
  readonly qualifier?: string;
}

const HEADERS = ['cx_runtime.h', 'cx_machine.h'];

/**
 * The SIMD machine printed as C11 over cx_machine.h: expressions are calls of its functions, and a function has `e`, the
 * environment, as its first parameter. Its arguments and, behind them, its variables are v0, v1…; t0, t1… hold parts of
 * expressions.
 */
export class CModule implements Machine {
  private readonly pieces: (Piece | undefined)[] = [];
  protected readonly headers: string[];
  protected readonly declarations: string[] = [];
  /** Functions in the order of their definition. */
  protected readonly functions: PrintedFunction[] = [];
  private readonly qualifier: string;
  /** Functions that change memory. */
  private readonly changing = new Set<string>();
  private temporaries = 0;

  /** @param dialect - what stands before each function, and the headers, where it is not plain C */
  constructor({ headers = HEADERS, qualifier = 'static' }: Dialect = {}) {
    this.headers = [...headers];
    this.qualifier = qualifier;
  }

  private add(piece: Piece): Ref {
    return this.pieces.push(piece) - 1;
  }

  /** The piece of a reference. One with lines is used once: a second copy would declare their variables again. */
  private take(ref: Ref): Piece {
    const piece = this.pieces[ref];
    invariant(piece !== undefined, 'a statement, and an expression too long for one line, is used once');
    if (piece.lines.length > 0) this.pieces[ref] = undefined;
    return piece;
  }

  /** The same value from a variable that is set before. */
  private variable(piece: Piece): Piece {
    if (piece.stable || piece.kind === undefined) return piece;
    const name = `t${this.temporaries++}`;
    return {
      ...piece,
      lines: [...piece.lines, `const ${C_TYPES[piece.kind]} ${name} = ${piece.text};`],
      text: name,
      depth: 0,
      stable: true,
    };
  }

  /** Operands in order. C leaves the order of arguments open, so what stands before a change of memory becomes a variable. */
  private operands(refs: readonly Ref[]): {
    readonly args: readonly Piece[];
    readonly lines: readonly string[];
    readonly effects: boolean;
  } {
    const pieces = refs.map((ref) => this.take(ref));
    const last = pieces.findLastIndex((p) => p.effects);
    const args = pieces.map((p, i) => (i < last ? this.variable(p) : p));
    return { args, lines: args.flatMap((p) => p.lines), effects: last >= 0 };
  }

  private expression(kind: Kind, refs: readonly Ref[], print: (args: readonly string[]) => string): Ref {
    const { args, lines, effects } = this.operands(refs);
    const text = print(args.map((a) => a.text));
    const depth = 1 + args.reduce((most, a) => Math.max(most, a.depth), 0);
    const piece: Piece = { kind, lines, text, depth, effects, stable: args.length === 0 };
    return this.add(depth > MOST_DEPTH || text.length > MOST_LENGTH ? this.variable(piece) : piece);
  }

  private statement(refs: readonly Ref[], print: (args: readonly string[]) => readonly string[], changes: boolean): Ref {
    const { args, lines, effects } = this.operands(refs);
    const own = print(args.map((a) => a.text));
    return this.add({ kind: undefined, lines: [...lines, ...own], text: '', depth: 0, effects: effects || changes, stable: false });
  }

  /** A value nobody takes is computed all the same, as its lines may change memory. */
  private block(refs: readonly Ref[]): { readonly lines: readonly string[]; readonly effects: boolean } {
    const pieces = refs.map((ref) => this.take(ref));
    return { lines: pieces.flatMap((p) => p.lines), effects: pieces.some((p) => p.effects) };
  }

  op(space: NamespaceName, path: string, args: readonly Ref[]): Ref {
    const name = instructionName(space, path);
    return this.expression(resultKind(space, path), args, (texts) => `${name}(${texts.join(', ')})`);
  }

  constant(kind: Exclude<Kind, 'v128'>, value: number | bigint): Ref {
    return this.expression(kind, [], () => constantText(kind, value));
  }

  zeroVector(): Ref {
    return this.expression('v128', [], () => 'v128_const(0, 0)');
  }

  get(local: number, kind: Kind): Ref {
    return this.expression(kind, [], () => `v${local}`);
  }

  set(local: number, value: Ref): Ref {
    return this.statement([value], ([text]) => [`v${local} = ${text};`], false);
  }

  if(condition: Ref, then: readonly Ref[], otherwise: readonly Ref[] | undefined): Ref {
    const yes = this.block(then);
    const no = otherwise === undefined ? undefined : this.block(otherwise);
    const print = ([text]: readonly string[]): readonly string[] => [
      `if (${text}) {`,
      ...indented(yes.lines),
      ...(no === undefined ? [] : ['} else {', ...indented(no.lines)]),
      '}',
    ];
    return this.statement([condition], print, yes.effects || no?.effects === true);
  }

  while(condition: Ref, body: readonly Ref[]): Ref {
    const { text, lines, effects } = this.take(condition);
    const inner = this.block(body);
    const head = lines.length === 0 ? [`while (${text}) {`] : ['for (;;) {', ...indented(lines), `  if (!${text}) break;`];
    return this.statement([], () => [...head, ...indented(inner.lines), '}'], effects || inner.effects);
  }

  call(name: string, args: readonly Ref[], result: Kind | undefined): Ref {
    const changes = this.changing.has(name);
    const print = (texts: readonly string[]): string => `${functionName(name)}(${['e', ...texts].join(', ')})`;
    if (result === undefined) return this.statement(args, (texts) => [`${print(texts)};`], changes);
    if (!changes) return this.expression(result, args, print);
    const piece = this.variable(this.take(this.expression(result, args, print)));
    return this.add({ ...piece, effects: true });
  }

  select(condition: Ref, yes: Ref, no: Ref): Ref {
    const kind = this.pieces[yes]?.kind;
    invariant(kind !== undefined, 'select chooses between values');
    return this.expression(kind, [condition, yes, no], ([c, y, n]) => `(${c} ? ${y} : ${n})`);
  }

  load(access: Access, offset: number, address: Ref): Ref {
    const { kind, load } = ACCESSES[access];
    return this.expression(kind, [address], ([a]) => `${load}(m, ${a}, ${offset})`);
  }

  store(access: Access, offset: number, address: Ref, value: Ref): Ref {
    return this.statement([address, value], ([a, v]) => [`${ACCESSES[access].store}(m, ${a}, ${offset}, ${v});`], true);
  }

  vectorLoad(how: VectorLoad, offset: number, address: Ref): Ref {
    return this.expression('v128', [address], ([a]) => `v128_${how}(m, ${a}, ${offset})`);
  }

  vectorStore(offset: number, address: Ref, vector: Ref): Ref {
    return this.statement([address, vector], ([a, v]) => [`v128_store(m, ${a}, ${offset}, ${v});`], true);
  }

  loadLane(bits: LaneBits, offset: number, lane: number, address: Ref, vector: Ref): Ref {
    return this.expression('v128', [address, vector], ([a, v]) => `v128_load${bits}_lane(m, ${a}, ${offset}, ${lane}, ${v})`);
  }

  storeLane(bits: LaneBits, offset: number, lane: number, address: Ref, vector: Ref): Ref {
    return this.statement([address, vector], ([a, v]) => [`v128_store${bits}_lane(m, ${a}, ${offset}, ${lane}, ${v});`], true);
  }

  extractLane(space: 'i32x4' | 'i64x2' | 'f32x4', vector: Ref, lane: number): Ref {
    const kind = ({ i32x4: 'i32', i64x2: 'i64', f32x4: 'f32' } as const)[space];
    return this.expression(kind, [vector], ([v]) => `${space}_extract_lane(${v}, ${lane})`);
  }

  shuffle(a: Ref, b: Ref, bytes: readonly number[]): Ref {
    return this.expression('v128', [a, b], (texts) => `i8x16_shuffle(${[...texts, ...bytes].join(', ')})`);
  }

  bitselect(yes: Ref, no: Ref, mask: Ref): Ref {
    return this.expression('v128', [yes, no, mask], (texts) => `v128_bitselect(${texts.join(', ')})`);
  }

  copy(to: Ref, from: Ref, bytes: Ref): Ref {
    return this.statement([to, from, bytes], (texts) => [`memory_copy(m, ${texts.join(', ')});`], true);
  }

  fill(to: Ref, value: Ref, bytes: Ref): Ref {
    return this.statement([to, value, bytes], (texts) => [`memory_fill(m, ${texts.join(', ')});`], true);
  }

  define({ name, params, result, locals, statements, value }: FunctionBody): void {
    const { lines, effects } = this.block(statements);
    const end = value === undefined ? undefined : this.take(value);
    if (effects || end?.effects === true) this.changing.add(name);
    const head = ['const cx_env *e', ...params.map((kind, i) => `${C_TYPES[kind]} v${i}`)].join(', ');
    const ended = end === undefined ? lines : [...lines, ...end.lines, `return ${end.text};`];
    const { declarations, lines: inner } = declareVariables(locals, params.length, ended);
    const body = ['uint8_t *const m = e->m;', '(void)m;', ...declarations, ...inner];
    const type = result === undefined ? 'void' : C_TYPES[result];
    const printed = functionName(name);
    const text = `${this.qualifier} ${type} ${printed}(${head}) {\n${indented(body).join('\n')}\n}\n`;
    this.functions.push({ name: printed, text });
  }

  /**
   * A statement of C that changes memory; `m` and `e` are in scope. Not of WebAssembly: for rows that call kernels.
   * @param print - the statement, given its operands as C
   */
  raw(args: readonly Ref[], print: (args: readonly string[]) => string): Ref {
    return this.statement(args, (texts) => [print(texts)], true);
  }

  /** Includes a header, once. */
  include(header: string): void {
    if (!this.headers.includes(header)) this.headers.push(header);
  }

  /** Adds a declaration before all functions: tables and descriptors that raw statements name. */
  declare(text: string): void {
    this.declarations.push(text);
  }

  /** The generated code: includes, declarations, functions. */
  text(): string {
    const functions = this.functions.map((f) => f.text);
    return [this.headers.map((h) => `#include "${h}"\n`).join(''), ...this.declarations.map((d) => `${d}\n`), ...functions].join('\n');
  }
}
