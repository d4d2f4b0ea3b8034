import { type Code, type Diagnostic, diagnostic, type Span } from '../../support/index.ts';
import type { Place } from './ast.ts';
import { LIMITS } from './limits.ts';

/** A text with its line starts, for turning offsets into lines and columns. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  private lineStarts: readonly number[] | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  private starts(): readonly number[] {
    if (this.lineStarts === undefined) {
      const starts = [0];
      for (let i = this.text.indexOf('\n'); i >= 0; i = this.text.indexOf('\n', i + 1)) starts.push(i + 1);
      this.lineStarts = starts;
    }
    return this.lineStarts;
  }

  /** The line an offset is on, counted from 0. */
  private lineIndex(offset: number): number {
    const starts = this.starts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The span of a place; one that goes over a line end stops there. */
  span(place: Place): Span {
    const start = Math.min(Math.max(0, place.start), this.text.length);
    const line = this.lineIndex(start);
    const lineStart = this.starts()[line] ?? 0;
    const next = this.starts()[line + 1];
    const lineEnd = next === undefined ? this.text.length : next - 1;
    return { file: this.file, line: line + 1, column: start - lineStart + 1, length: Math.max(1, Math.min(place.end, lineEnd) - start) };
  }

  /** `12:5`, for notes. */
  position(place: Place): string {
    const { line, column } = this.span(place);
    return `${line}:${column}`;
  }
}

/** Collects the diagnostics of one file: the same problem at the same place once, in a bounded number. */
export class Report {
  readonly source: SourceText;
  private readonly found: Diagnostic[] = [];
  private readonly seen = new Set<string>();
  private isCut = false;

  constructor(source: SourceText) {
    this.source = source;
  }

  /** True when a limit (MRL3xxx) forbids going on. */
  get stopped(): boolean {
    return this.found.some((d) => d.code.startsWith('MRL3'));
  }

  /** True when the text does not follow the grammar: what it defines may be what could not be read. */
  get hasSyntaxErrors(): boolean {
    return this.found.some((d) => d.code.startsWith('MRL1'));
  }

  get count(): number {
    return this.found.length;
  }

  add(code: Code, message: string, place: Place, notes: readonly string[] = []): void {
    const span = this.source.span(place);
    const key = `${code} ${place.start} ${place.end}`;
    if (this.seen.has(key)) return;
    if (this.found.length >= LIMITS.diagnostics) {
      this.isCut = true;
      return;
    }
    this.seen.add(key);
    this.found.push(diagnostic(code, message, { span, notes }));
  }

  /** In order of the text. */
  list(): readonly Diagnostic[] {
    const position = (d: Diagnostic): number => (d.span?.line ?? 0) * 2 ** 27 + (d.span?.column ?? 0);
    const sorted = this.found.toSorted((a, b) => position(a) - position(b));
    const last = sorted.at(-1);
    if (!this.isCut || last === undefined) return sorted;
    return [...sorted.slice(0, -1), { ...last, notes: [...last.notes, `Only the first ${LIMITS.diagnostics} problems are listed.`] }];
  }
}
