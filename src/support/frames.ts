import type { Diagnostic, Severity, Span } from './diagnostic.ts';

export interface RenderOptions {
  /** The text that the span points into; without it the frame shows the place only. */
  readonly source?: string | undefined;
  /** ANSI colours. */
  readonly color: boolean;
}

/** Widest piece of a source line that is shown, in code units. */
const WINDOW = 120;
/** Code units kept before the caret when a line is cut. */
const LEAD = 40;
const TAB = '    ';

const COLORS = { error: '1;31', warning: '1;33', note: '1;36', frame: '1;34', strong: '1' } as const;
type Paint = (style: keyof typeof COLORS, text: string) => string;

const painter = (color: boolean): Paint => (color ? (style, text) => `\u001b[${COLORS[style]}m${text}\u001b[0m` : (_style, text) => text);

/** Control characters would move the caret or drive the terminal: tabs widen, the others show as U+FFFD. */
const visible = (text: string): string => text.replace(/\t/g, TAB).replace(/\p{Cc}/gu, '\ufffd');

/** Line `line` (from 1) of a text, found without splitting all of it; undefined when there are fewer lines. */
const lineOf = (source: string, line: number): string | undefined => {
  let start = 0;
  for (let n = 1; n < line; n++) {
    const end = source.indexOf('\n', start);
    if (end < 0) return undefined;
    start = end + 1;
  }
  const end = source.indexOf('\n', start);
  return (end < 0 ? source.slice(start) : source.slice(start, end)).replace(/\r$/, '');
};

/** The shown piece of a line and the marks below it. Tabs are widened in both; long lines are cut around the caret. */
const excerpt = (line: string, span: Span, mark: string): { readonly text: string; readonly marks: string } => {
  const caret = Math.min(Math.max(0, span.column - 1), line.length);
  const start = line.length <= WINDOW ? 0 : Math.max(0, Math.min(caret - LEAD, line.length - WINDOW));
  const end = Math.min(line.length, start + WINDOW);
  const before = `${start > 0 ? '…' : ''}${visible(line.slice(start, caret))}`;
  const marked = visible(line.slice(caret, Math.min(end, caret + Math.max(1, span.length))));
  const after = `${visible(line.slice(Math.min(end, caret + Math.max(1, span.length)), end))}${end < line.length ? '…' : ''}`;
  return { text: `${before}${marked}${after}`, marks: `${' '.repeat(before.length)}${mark.repeat(Math.max(1, marked.length))}` };
};

const frameLines = (span: Span, source: string | undefined, severity: Severity, paint: Paint): { lines: string[]; gutter: string } => {
  const number = String(span.line);
  const gutter = ' '.repeat(number.length);
  const lines = [`${gutter}${paint('frame', '-->')} ${visible(span.file)}:${span.line}:${span.column}`];
  const line = source === undefined ? undefined : lineOf(source, span.line);
  if (line !== undefined) {
    const { text, marks } = excerpt(line, span, '^');
    lines.push(
      `${gutter} ${paint('frame', '|')}`,
      `${paint('frame', `${number} |`)} ${text}`.trimEnd(),
      `${gutter} ${paint('frame', '|')} ${paint(severity, marks)}`,
    );
  }
  return { lines, gutter };
};

/**
 * A diagnostic as text: code and message, the place, the source line with a caret below the span, then one line a note.
 * Without a span, `where` takes the place's line. No line end after the last line.
 */
export const renderDiagnostic = (diagnostic: Diagnostic, { source, color }: RenderOptions): string => {
  const paint = painter(color);
  const { code, severity, message, span, where, notes } = diagnostic;
  const lines = [`${paint(severity, `${severity}[${code}]`)}${paint('strong', `: ${visible(message)}`)}`];
  let gutter = '';
  if (span !== undefined) {
    const frame = frameLines(span, source, severity, paint);
    lines.push(...frame.lines);
    gutter = frame.gutter;
  }
  if (where !== undefined) lines.push(`${gutter}${paint('frame', span === undefined ? '-->' : ' =')} ${visible(where)}`);
  for (const note of notes) lines.push(`${gutter}${paint('frame', ' =')} ${paint('strong', 'help')}: ${visible(note)}`);
  return lines.join('\n');
};
