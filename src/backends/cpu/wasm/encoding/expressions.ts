import { invariant } from '../../../../support/index.ts';
import type { Kind, Ref } from '../../simd/index.ts';
import type { ByteWriter } from './bytes.ts';
import { OPCODE } from './opcodes.ts';

/** Value types (WebAssembly 2.0, section 5.3). */
export const VALUE_TYPE: Readonly<Record<Kind, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const NO_RESULT = 0x40;

/** Operands, then the bytes of an instruction. */
interface Plain {
  readonly kind: 'plain';
  readonly operands: readonly Ref[];
  readonly bytes: readonly number[];
}

/** A call, whose function has its number when all are known. */
interface Call {
  readonly kind: 'call';
  readonly operands: readonly Ref[];
  readonly name: string;
}

/** Statements one after another. */
interface Block {
  readonly kind: 'block';
  readonly statements: readonly Ref[];
}

/** Statements that a branch to the label begins again. */
interface Loop {
  readonly kind: 'loop';
  readonly label: string;
  readonly statements: readonly Ref[];
}

interface Choice {
  readonly kind: 'if';
  readonly condition: Ref;
  readonly yes: Ref;
  readonly no: Ref | undefined;
}

interface Branch {
  readonly kind: 'branch';
  readonly label: string;
}

export type Expression = Plain | Call | Block | Loop | Choice | Branch;

/** Expressions in the making, which are written where they are used. */
export class Expressions {
  private readonly known: Expression[] = [];
  /** Of those that are written, the one that was made first. */
  private first: Ref = Number.POSITIVE_INFINITY;
  private readonly numberOf: (name: string) => number;

  /** @param numberOf - number of a function that is called */
  constructor(numberOf: (name: string) => number) {
    this.numberOf = numberOf;
  }

  add(expression: Expression): Ref {
    return this.known.push(expression) - 1;
  }

  /**
   * Forgets what was written since the last time, and all that was made after the first of it: functions are made one within another, and
   * the outer one makes nothing while the inner one is made.
   */
  release(): void {
    this.known.length = Math.min(this.known.length, this.first);
    this.first = Number.POSITIVE_INFINITY;
  }

  /** Writes an expression and all in it. @param labels - around it, the outermost first */
  write(to: ByteWriter, ref: Ref, labels: (string | undefined)[] = []): void {
    const e = this.known[ref];
    invariant(e !== undefined, 'an expression is used in the function that it was made for');
    this.first = Math.min(this.first, ref);
    switch (e.kind) {
      case 'plain':
        for (const o of e.operands) this.write(to, o, labels);
        to.append(e.bytes);
        return;
      case 'call':
        for (const o of e.operands) this.write(to, o, labels);
        to.byte(OPCODE.call);
        to.unsigned(this.numberOf(e.name));
        return;
      case 'block':
        for (const statement of e.statements) this.write(to, statement, labels);
        return;
      case 'loop':
        to.append([OPCODE.loop, NO_RESULT]);
        this.inside(to, e.statements, labels, e.label);
        to.byte(OPCODE.end);
        return;
      case 'if':
        this.write(to, e.condition, labels);
        to.append([OPCODE.if, NO_RESULT]);
        this.inside(to, [e.yes], labels);
        if (e.no !== undefined) {
          to.byte(OPCODE.else);
          this.inside(to, [e.no], labels);
        }
        to.byte(OPCODE.end);
        return;
      case 'branch': {
        const at = labels.lastIndexOf(e.label);
        invariant(at >= 0, `no loop has the label ${e.label}`);
        to.byte(OPCODE.br);
        to.unsigned(labels.length - 1 - at);
        return;
      }
      default:
        e satisfies never;
    }
  }

  private inside(to: ByteWriter, statements: readonly Ref[], labels: (string | undefined)[], label?: string): void {
    labels.push(label);
    for (const s of statements) this.write(to, s, labels);
    labels.pop();
  }
}
