import { invariant } from '../../../../support/index.ts';
import type { Kind, Ref } from '../../simd/index.ts';
import { ByteWriter } from './bytes.ts';
import { Expressions, VALUE_TYPE } from './expressions.ts';
import { OPCODE } from './opcodes.ts';

/** "\0asm", version 1 (WebAssembly 2.0, section 5.5). */
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0] as const;
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const FUNCTION_TYPE = 0x60;
const [EXPORTED_FUNCTION, IMPORTED_MEMORY] = [0, 2];
/** Limits with a maximum, and those of shared memory (threads proposal). */
const LIMITS = { own: 1, shared: 3 } as const;
/** Any size fits: the host makes the memory exact. */
const [LEAST_PAGES, MOST_PAGES] = [1, 65536];

/** A function with its body. */
export interface FunctionParts {
  readonly name: string;
  readonly params: readonly Kind[];
  readonly results: readonly Kind[];
  readonly locals: readonly Kind[];
  /** What is done; what the last one leaves is the result. */
  readonly body: readonly Ref[];
}

/** A module of the binary format in the making: functions over one memory, which it imports as env.memory. */
export class ModuleWriter {
  readonly expressions = new Expressions((name) => {
    const number = this.numbers.get(name);
    invariant(number !== undefined, `${name} is called before it is defined`);
    return number;
  });
  private readonly shared: boolean;
  private readonly numbers = new Map<string, number>();
  /** Types by their bytes. */
  private readonly types = new Map<string, { readonly number: number; readonly bytes: Uint8Array }>();
  private readonly typeOf: number[] = [];
  private readonly code = new ByteWriter();

  constructor({ shared = false }: { readonly shared?: boolean } = {}) {
    this.shared = shared;
  }

  private type(params: readonly Kind[], results: readonly Kind[]): number {
    const key = `${params.join(' ')}>${results.join(' ')}`;
    const known = this.types.get(key);
    if (known !== undefined) return known.number;
    const to = new ByteWriter();
    to.byte(FUNCTION_TYPE);
    for (const kinds of [params, results]) {
      to.unsigned(kinds.length);
      for (const k of kinds) to.byte(VALUE_TYPE[k]);
    }
    const number = this.types.size;
    this.types.set(key, { number, bytes: to.view() });
    return number;
  }

  /** Functions are called after they are defined. */
  define({ name, params, results, locals, body }: FunctionParts): void {
    this.typeOf.push(this.type(params, results));
    this.numbers.set(name, this.numbers.size);
    const to = new ByteWriter();
    const runs: { readonly kind: Kind; count: number }[] = [];
    for (const kind of locals) {
      const last = runs.at(-1);
      if (last?.kind === kind) last.count++;
      else runs.push({ kind, count: 1 });
    }
    to.unsigned(runs.length);
    for (const { kind, count } of runs) {
      to.unsigned(count);
      to.byte(VALUE_TYPE[kind]);
    }
    const labels: (string | undefined)[] = [];
    for (const statement of body) this.expressions.write(to, statement, labels);
    this.expressions.release();
    to.byte(OPCODE.end);
    this.code.counted(to);
  }

  /** The module. @param exports - functions to export under their names */
  finish(exports: readonly string[]): Uint8Array {
    const to = new ByteWriter();
    to.append(HEADER);
    const section = (id: number, count: number, fill: (content: ByteWriter) => void): void => {
      const content = new ByteWriter();
      content.unsigned(count);
      fill(content);
      to.byte(id);
      to.counted(content);
    };
    section(SECTION.type, this.types.size, (s) => {
      for (const { bytes } of this.types.values()) s.append(bytes);
    });
    section(SECTION.import, 1, (s) => {
      s.counted('env');
      s.counted('memory');
      s.append([IMPORTED_MEMORY, this.shared ? LIMITS.shared : LIMITS.own]);
      s.unsigned(LEAST_PAGES);
      s.unsigned(MOST_PAGES);
    });
    section(SECTION.function, this.typeOf.length, (s) => {
      for (const t of this.typeOf) s.unsigned(t);
    });
    section(SECTION.export, exports.length, (s) => {
      for (const name of exports) {
        const number = this.numbers.get(name);
        invariant(number !== undefined, `there is no function ${name}`);
        s.counted(name);
        s.byte(EXPORTED_FUNCTION);
        s.unsigned(number);
      }
    });
    section(SECTION.code, this.typeOf.length, (s) => s.append(this.code.view()));
    return to.view().slice();
  }
}
