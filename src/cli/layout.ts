/**
 * Layout of a model string: indentation by open brackets, one space where there were several, at most one empty line
 * in a row, one line end at the end. Words, signs, comments and line breaks stay as they are.
 */

const INDENT = '  ';
const OPEN = '([{';
const CLOSE = ')]}';

/** A piece of a line: code, or a literal or comment whose inside is left alone. */
interface Piece {
  readonly text: string;
  readonly code: boolean;
}

/** End of the literal that starts at `from`, at the latest the end of the line. */
const literalEnd = (line: string, from: number): number => {
  const quote = line[from] ?? '';
  for (let i = from + 1; i < line.length; i++) {
    if (line[i] === quote) return i + 1;
    if (quote === '"' && line[i] === '\\') i++;
  }
  return line.length;
};

/** Cuts a line into code, texts ("…"), quoted names (`…`) and the comment at its end. */
const piecesOf = (line: string): readonly Piece[] => {
  const pieces: Piece[] = [];
  let start = 0;
  for (let i = 0; i < line.length; ) {
    const comment = line.startsWith('//', i);
    if (!comment && line[i] !== '"' && line[i] !== '`') {
      i++;
      continue;
    }
    if (i > start) pieces.push({ text: line.slice(start, i), code: true });
    const end = comment ? line.length : literalEnd(line, i);
    pieces.push({ text: line.slice(i, end), code: false });
    start = end;
    i = end;
  }
  if (start < line.length) pieces.push({ text: line.slice(start), code: true });
  return pieces;
};

const count = (text: string, characters: string): number => Array.from(text).filter((c) => characters.includes(c)).length;

/** Brackets at the start of a line close what stands above, so they go back one step each. */
const leadingClosers = (code: string): number => {
  let n = 0;
  while (n < code.length && CLOSE.includes(code[n] ?? ' ')) n++;
  return n;
};

/** The text in its standard layout. Formatting twice gives the same as once. */
export const layoutText = (text: string): string => {
  const out: string[] = [];
  let depth = 0;
  for (const raw of text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)) {
    const pieces = piecesOf(raw.trim());
    const shown = pieces.map((p) => (p.code ? p.text.replace(/[ \t]+/g, ' ') : p.text)).join('');
    const code = pieces
      .filter((p) => p.code)
      .map((p) => p.text)
      .join('');
    if (shown === '') {
      if (out.length > 0 && out.at(-1) !== '') out.push('');
      continue;
    }
    out.push(INDENT.repeat(Math.max(0, depth - leadingClosers(code))) + shown.trimEnd());
    depth = Math.max(0, depth + count(code, OPEN) - count(code, CLOSE));
  }
  while (out.at(-1) === '') out.pop();
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
};
